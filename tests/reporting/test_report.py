from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting import contact_sheet, distribution, scatter
from fashion_mocluster.reporting.pictures import picture_uri
from fashion_mocluster.reporting.report import NARROW, WIDE, report_figures, report_html
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import Page, files, png

IMAGES = Path(__file__).parents[2] / "data/01_raw/fashion-mnist_test.csv.gz"


def page_of(*runs, published=()):
    results = [RunResults.from_files(run) for run in runs]
    return report_html(results, report_figures(results), published)


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
                {
                    "case": c,
                    "issue": i,
                    "change": c,
                    "encoder": r,
                    "nmi": 0.1,
                    "ari": 0.1,
                    "acc": 0.2,
                }
                for c, i in (("thesis", None), ("views", 8))
                for r in ("moco", "finetuned")
            ]
        ),
    }
    run["values"]["prediction_scores"] = {"n_images": 9, "mean_confidence": 0.9, "acc": 0.5}
    run["figures"]["prediction"] = png()
    return run


SECTIONS = [
    "best",
    "methods",
    "new_images",
    "literature",
    "selection",
    "costs",
    "ablation",
    "bugfix_ablation",
    "distributions",
    "pictures",
    "parameters",
    "provenance",
]


def test_the_page_is_whole_and_needs_nothing_else():
    page = Page(page_of(whole_run(), whole_run(1), files("rerun"), published=[SPC]))
    # The comparison, two of best and new images, one of each figure over runs, and two protocols'
    # figures of two methods each.
    assert len(page.images) == 3 + 3 + 4
    assert all(source.startswith("data:image/png;base64,") for source in page.images)
    assert page.links == [f"#{name}" for name in SECTIONS]
    assert [name for name in page.ids if not name.startswith("T_")] == SECTIONS
    assert "<b>K-Means & more</b>" in page.words
    assert "nan" not in page.text.lower().split()


def test_the_page_opens_with_the_best_method_and_its_clusters():
    page = page_of(files())
    named, pictured = page.index("<b>MoCo + UMAP</b> is best"), page.index("<img")
    assert named < pictured < page.index('id="methods"')
    assert "The clusters of MoCo + UMAP, seed 0" in page[pictured : pictured + 500]


@pytest.mark.parametrize(
    "words", ["chosen without labels", "standard deviation over the seeds", "best score of its"]
)
def test_marks_are_explained_beside_the_table(words):
    page = page_of(files(), files(seed=1))
    methods = page[page.index('id="methods"') : page.index('id="T_methods"')]
    assert words in methods


def test_sections_without_data_are_left_out():
    bare = files(labels=False)
    bare["values"], bare["figures"] = {}, {}
    page = Page(page_of(bare))
    assert page.links == ["#methods", "#costs"]
    assert not page.images


def test_runs_without_labels_have_a_page():
    page = Page(page_of(files(labels=False), files(labels=False, seed=1), published=[SPC]))
    assert "#best" in page.links
    assert "#selection" not in page.links
    assert "nan" not in page.text.lower().split()


def test_figures_over_several_runs_are_made_where_there_is_something_to_show():
    results = [RunResults.from_files(run) for run in (whole_run(), files(labels=False))]
    assert set(report_figures(results)) == {"ablation", "bugfix_ablation", "selection"}
    assert report_figures(results[1:]) == {}


@pytest.mark.slow
def test_claims_and_switches_of_the_ablation():
    lines = Page(page_of(whole_run())).lines
    header = next(i for i, line in enumerate(lines) if "ResConn" in line)
    published, ours, second = (
        dict(zip(lines[header], lines[header + i], strict=True)) for i in (1, 2, 3)
    )
    assert (published["case"], published["results of"], published["size"]) == (
        "a",
        "the thesis",
        "20",
    )
    assert (ours["case"], ours["NMI"], ours["epochs"], ours["seeds"]) == ("", "0.100", "2", "1")
    assert (second["ResConn"], second["MLP"], second["aug+"], second["size"]) == (
        "✓",
        "✓",
        "",
        "34",
    )


@pytest.mark.slow
def test_the_effect_of_a_bug_is_a_difference():
    lines = Page(page_of(whole_run())).lines
    reference, _, fixed, again = lines[
        next(i for i, x in enumerate(lines) if "corrected" in x and "scored" in x) + 1 :
    ][:4]
    assert reference[:2] == ["", "thesis"]
    assert (fixed[0], fixed[3]) == ("8", "0.000")
    assert again[:2] == ["", ""]


def test_shares_of_the_classes_carry_the_thesis_marks():
    page = page_of(files())
    start = page.index('id="T_classes_0"')
    table = page[start : page.index("</table>", start)]
    cells = [line.strip() for line in table.splitlines() if "<td" in line]
    marks = [
        "dominant" if "dominant" in c else "confused" if "confused" in c else "" for c in cells
    ]
    assert marks == ["", "dominant", "", "", "", "confused", "confused", "confused"]
    assert cells[1].endswith(">0.900</td>")


def test_two_classes_of_one_name_are_told_apart():
    run = files()
    run["tables"]["cluster_distribution/pca_spectral"]["Label_Name"] = "shirt"
    assert ["cluster", "shirt (0)", "shirt (1)", "shirt (2)"] in Page(page_of(run)).lines


def test_methods_of_one_title_are_all_shown():
    run = files()
    for about in run["values"]["run_info"]["parameters"]["evaluation"]["methods"].values():
        about["title"] = "Mine"
    page = Page(page_of(run))
    assert len(page.images) == len(Page(page_of(files())).images)
    assert page.words.count("Mine") > 4


@pytest.mark.slow
def test_seeds_that_differ_in_more_than_the_seed_are_told():
    runs = [files(seed=0), files(seed=1)]
    for run in runs:
        run["values"]["run_info"]["parameters"]["moco"]["seed"] = run["seed"]
    warning = "corrected: its seeds do not differ by the seed alone"
    assert warning not in Page(page_of(*runs)).text
    runs[1]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 2
    page = Page(page_of(*runs))
    assert warning in page.text
    assert ["moco.epochs", "30", "2"] in page.lines


@pytest.mark.slow
def test_user_text_is_escaped_everywhere():
    run = whole_run()
    title = '<script>alert("&")</script>'
    run["protocol"] = title
    for about in run["values"]["run_info"]["parameters"]["evaluation"]["methods"].values():
        about["title"] = title
    run["tables"]["cluster_distribution/pca_spectral"]["Label_Name"] = title
    run["values"]["run_info"]["hardware"]["processor"] = title
    # Page fails on a tag <script>.
    assert (
        Page(page_of(run, published=[{**SPC, "title": title, "source": title}])).text.count(title)
        > 10
    )


@pytest.mark.slow
def test_a_page_of_13_methods_is_small_enough_to_be_mailed():
    """The figures of one method on 10,000 images, 13 times, and the three that are shown large."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 10, 10_000)
    names = [f"class {i}" for i in range(10)]
    points = rng.normal(size=(10, 2))[groups] + rng.normal(scale=0.4, size=(10_000, 2))
    projection = pd.DataFrame(points, columns=["one", "two"])
    counts = rng.integers(0, 999, (10, 10))
    images = pd.read_csv(IMAGES, nrows=200).drop(columns="label").to_numpy(np.uint8)
    examples = {i: (np.arange(10) + 10 * i, np.arange(10) + 100 + 10 * i) for i in range(10)}
    scattered = scatter.scatter_figure(projection, groups, names, "T")
    others = [
        distribution.distribution_figure(counts, names, "T"),
        distribution.confusion_figure(counts, np.arange(10), names, "T"),
    ]
    sheet = contact_sheet.examples_figure(images.reshape(-1, 28, 28), examples, None, "T")
    size = sum(len(picture_uri(figure, NARROW)) for figure in (*others, sheet))
    size += 2 * len(picture_uri(scattered, NARROW))
    assert 13 * size + 3 * len(picture_uri(sheet, WIDE)) < 5.5e6
