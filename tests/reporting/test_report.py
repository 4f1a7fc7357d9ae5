import pandas as pd
import pytest

from fashion_mocluster.reporting.report import report_figures, report_html
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import Page, files, png


def page_of(*runs, published=()):
    results = [RunResults.from_files(run) for run in runs]
    return report_html(results, report_figures(results), published)


def words_of(*runs):
    """The page without the figures over several runs, which take as long as all else."""
    return Page(report_html([RunResults.from_files(run) for run in runs], {}))


SPC = {"title": "SPC", "images": "70k", "acc": 0.679, "nmi": 0.735, "ari": None, "source": "2021"}


def whole_run(seed=0):
    run = files(seed=seed)
    run["tables"] |= {
        "ablation": pd.DataFrame(
            {"case": ["a", "c"], "residual": [False, True], "mlp": [False, True], "size": [20, 34]}
            | {"advanced_augmentation": False, "cosine": False, "epochs": 2, "acc": 0.3}
            | {"nmi": [0.1, 0.2], "ari": [0.1, 0.2], "silhouette": 0.1}
        ),
        "bugfix_ablation": pd.DataFrame(
            [
                {"case": c, "issue": i, "change": c, "encoder": encoder, "acc": 0.2, "nmi": 0.1}
                for c, i in (("thesis", None), ("views", 8))
                for encoder in ("moco", "finetuned")
            ]
        ).assign(ari=0.1),
    }
    run["values"]["prediction_scores"] = {"n_images": 9, "mean_confidence": 0.9, "acc": 0.5}
    run["figures"]["prediction"] = png()
    return run


SECTIONS = [
    *("best", "methods", "new_images", "literature", "selection", "costs", "ablation"),
    *("bugfix_ablation", "distributions", "pictures", "parameters", "provenance"),
]


@pytest.mark.slow
def test_the_page_is_whole_and_needs_nothing_else():
    page = Page(page_of(whole_run(), whole_run(1), files("rerun"), published=[SPC]))
    # The comparison, two of best and new images, one of each figure over runs, and two recipes'
    # figures of two methods each.
    assert len(page.images) == 3 + 3 + 4
    assert all(source.startswith("data:image/webp;base64,") for source in page.images)
    assert page.links == [f"#{name}" for name in SECTIONS]
    assert [name for name in page.ids if not name.startswith("T_")] == SECTIONS
    assert "<b>K-Means & more</b>" in page.words
    assert "nan" not in page.text.lower().split()


def test_the_page_opens_with_the_best_method_and_its_clusters():
    page = page_of(files())
    named, pictured = page.index("<b>MoCo + UMAP</b> is best"), page.index("<img")
    assert named < pictured < page.index('id="methods"')
    assert "The clusters of MoCo + UMAP, seed 0" in page[pictured : pictured + 500]


def test_the_page_links_to_the_gallery_where_there_is_one():
    run = files()
    assert not any("gallery" in link for link in words_of(run).links)
    assert "g%20/gallery.html" in words_of({**run, "gallery": "g%20/gallery.html"}).links


def test_names_and_sizes_of_the_chosen_clusters_are_shown():
    run = files()
    sizes = {"cluster": [0, 4, -1], "images": [1500, 60, 7], "share": [0.957, 0.038, 0.005]}
    table = pd.DataFrame({**sizes, "confidence": [0.961, 0.5, 0]})
    run["tables"]["cluster_sizes"] = table
    shown = "unsorted 7 0.5% 0.00"
    assert shown in words_of(run).text
    run["tables"]["cluster_sizes"] = table.assign(name=["<Boots>", None, None])
    text = words_of(run).text
    assert "0 <Boots> 1,500 95.7% 0.96 4 60 3.8% 0.50 unsorted 7" in " ".join(text.split())


def test_marks_are_explained_where_they_are_shown():
    page = page_of(files(), files(seed=1))
    methods = page[page.index('id="methods"') : page.index('id="T_methods"')]
    for words in (
        "chosen without labels",
        "standard deviation over the seeds",
        "best score of its",
    ):
        assert words in methods
    alone = files(labels=False)
    for about in alone["values"]["run_info"]["parameters"]["evaluation"]["methods"].values():
        about["thesis_scores"] = None
    alone["values"]["run_info"]["parameters"]["report"]["thesis_costs"] = None
    # The parameters are shown as they are.
    words = Page(page_of(alone)).text.partition("Parameters default recipe")[0]
    for absent in ("thesis", "ACC", "red frames"):
        assert absent in Page(page).text
        assert absent not in words


def test_sections_without_data_are_left_out():
    bare = files(labels=False)
    bare["values"], bare["figures"] = {}, {}
    page = Page(page_of(bare))
    assert page.links == ["#methods", "#costs"]
    assert not page.images


@pytest.mark.parametrize("count", [50, 51])
def test_a_table_of_very_many_classes_is_left_out(count):
    run, classes = files(), range(count)
    run["tables"]["cluster_distribution/pca_spectral"] = pd.DataFrame(
        {
            "Cluster_ID": 0,
            "Label_ID": classes,
            "Label_Name": [f"kind {i}" for i in classes],
            "Count": 1,
        }
    )
    assert ("kind 49" in words_of(run).words) == (count == 50)


def test_runs_without_labels_have_a_page():
    page = Page(page_of(files(labels=False), files(labels=False, seed=1), published=[SPC]))
    assert "#best" in page.links
    assert "#selection" not in page.links
    assert "nan" not in page.text.lower().split()


def test_figures_over_several_runs_are_made_where_there_is_something_to_show():
    results = [RunResults.from_files(run) for run in (whole_run(), files(labels=False))]
    assert set(report_figures(results)) == {"ablation", "bugfix_ablation", "selection"}
    assert report_figures(results[1:]) == {}


def test_methods_of_one_title_are_all_shown():
    run = files()
    for about in run["values"]["run_info"]["parameters"]["evaluation"]["methods"].values():
        about["title"] = "Mine"
    page = words_of(run)
    assert len(page.images) == len(words_of(files()).images)
    assert page.words.count("Mine") > 4


def test_seeds_that_differ_in_more_than_the_seed_are_told():
    runs = [files("own", seed=0), files("own", seed=1)]
    warning = "own: its seeds do not differ by the seed alone"
    assert warning not in words_of(*runs).text
    runs[1]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 2
    assert warning in words_of(*runs).text


def test_user_text_is_escaped_everywhere():
    run = whole_run()
    title = '<script>alert("&")</script>'
    run["recipe"] = title
    for about in run["values"]["run_info"]["parameters"]["evaluation"]["methods"].values():
        about["title"] = title
    run["tables"]["cluster_distribution/pca_spectral"]["Label_Name"] = title
    run["values"]["run_info"]["hardware"]["processor"] = title
    # Page fails on a tag <script>.
    assert (
        Page(page_of(run, published=[{**SPC, "title": title, "source": title}])).text.count(title)
        > 10
    )
