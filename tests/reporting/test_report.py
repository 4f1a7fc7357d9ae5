from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.baseline_comparison import sentence_on, verdicts
from fashion_mocluster.reporting.comparison import COLUMNS
from fashion_mocluster.reporting.costs import inference_costs, training_costs
from fashion_mocluster.reporting.distribution import marked_shares
from fashion_mocluster.reporting.html import element, table, text
from fashion_mocluster.reporting.methods_report import epochs_of, methods_table
from fashion_mocluster.reporting.report import report_figures, report_html

PNG = b"\x89PNG\r\n\x1a\n not a picture, but bytes"
METHODS = {
    "kmeans": ("<b>K-Means & more</b>", "pixels", {"source": "thesis 1a", "nmi": 0.5, "ari": 0.3}),
    "pca_spectral": ("PCA + Spectral", "pca", {"source": "thesis 1c", "nmi": 0.6, "ari": 0.4}),
    "moco_kmeans": ("MoCo + K-Means", "moco", {"source": "thesis 1e", "nmi": 0.5, "ari": 0.3}),
    "moco_umap": ("MoCo + UMAP", "moco", None),
}


def run(protocol="put right", seed=0, labels=True, methods=tuple(METHODS)):
    rng = np.random.default_rng(seed)
    comparison = pd.DataFrame(
        [
            {c: rng.random() for c in COLUMNS}
            | {"method": m, "representation": METHODS[m][1], "clusterer": "kmeans", "time_s": 2.0}
            | ({} if labels else dict.fromkeys(("acc", "nmi", "ari"), np.nan))
            for m in methods
        ]
    )
    distribution = pd.DataFrame(
        {
            "Cluster_ID": [0, 0, 1, 1, 1],
            "Label_ID": [0, 1, 0, 1, 2],
            "Label_Name": ["shirt", "shoe", "shirt", "shoe", "bag"],
            "Count": [9, 1, 4, 4, 2],
        }
    )
    parameters = {
        "evaluation": {
            "methods": {
                name: {"title": title, "published": published}
                for name, (title, _, published) in METHODS.items()
            }
        },
        "moco": {"epochs": 30 if protocol == "put right" else 300},
        "report": {"thesis_costs": {"training": {"moco": {"seconds": 13.66, "memory_mb": 280}}}},
    }
    tables = {
        "clustering_comparison": comparison,
        "training_cost/moco": pd.DataFrame(
            {"epoch": [1, 2], "seconds": [3.0, 5.0], "memory_mb": [100.0, 90.0]}
        ),
    }
    if labels:
        tables["cluster_distribution/pca_spectral"] = distribution
    return {
        "protocol": protocol,
        "seed": seed,
        "tables": tables,
        "values": {
            "run_info": {
                "seed": seed,
                "parameters": parameters,
                "versions": {"python": "3", "torch": "2"},
                "hardware": {
                    "processor": "A & B",
                    "cores": 2,
                    "memory_gb": 24.0,
                    "accelerator": None,
                },
            },
            "embedding_cost/moco": {"time_s": 1.5, "memory_mb": 70.0},
        },
        "figures": {"figures/moco_kmeans/confusion": PNG},
    }


def page_of(runs):
    return report_html(runs, report_figures(runs))


class Page(HTMLParser):
    """Fails on tags that do not close in order; keeps what the page refers to."""

    def __init__(self, content):
        super().__init__()
        self.open, self.links, self.images, self.words = [], [], [], []
        self.feed(content)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert tag not in ("script", "link")
        self.images += [attributes["src"]] if tag == "img" else []
        self.links += [attributes["href"]] if tag == "a" else []
        if tag not in ("img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_needs_nothing_else():
    page = Page(page_of([run(), run(seed=1), run("rerun", 0)]))
    assert page.images
    assert all(source.startswith("data:image/png;base64,") for source in page.images)
    assert all(link.startswith("#") for link in page.links)
    assert "<b>K-Means & more</b>" in page.words
    joined = " ".join(page.words)
    assert "Beside published" not in joined  # no literature were named
    for title in ("table 1", "per epoch", "inference", "tables 3 to 5", "hardware"):
        assert title in joined
    assert "moco.epochs" in page.words  # the protocols differ in it


def test_sections_without_data_are_left_out():
    bare = run(labels=False)
    bare["values"], bare["figures"] = {}, {}
    page = Page(page_of([bare]))
    assert "Figures" not in page.words
    assert not page.images


def test_methods_of_one_protocol_only_and_published_rows_are_shown():
    words = Page(methods_table([run(), run("rerun", 0, methods=("kmeans",))])).words
    assert words.count("put right") == 4
    assert words.count("rerun") == 1
    assert words.count("published") == 3
    assert words.index("<b>K-Means & more</b>") < words.index("MoCo + UMAP")


def test_mean_over_seeds_and_epochs_really_run():
    words = Page(methods_table([run(seed=0), run(seed=1)])).words
    values = [
        r["tables"]["clustering_comparison"].set_index("method").loc["moco_kmeans", "nmi"]
        for r in (run(seed=0), run(seed=1))
    ]
    shown = f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}".replace("0.", ".")
    assert shown in words
    after = words[words.index("MoCo + K-Means") :]
    assert after[after.index("put right") + 7 :][:2] == ["2", "2"]  # epochs, seeds


def test_verdicts_compare_with_the_published_row_and_the_baseline():
    one = run()
    comparison = one["tables"]["clustering_comparison"].set_index("method")
    comparison.loc["moco_kmeans", ["nmi", "ari"]] = [0.55, 0.2]
    comparison.loc["pca_spectral", ["nmi", "ari"]] = [0.6, 0.1]
    one["tables"]["clustering_comparison"] = comparison.reset_index()
    words = Page(verdicts([one], "put right")).words
    row = words[words.index("MoCo + K-Means") :]
    assert row[1:3] == ["+ -", "- +"]


def set_scores(made, method, **scores):
    table = made["tables"]["clustering_comparison"]
    table.loc[table["method"] == method, list(scores)] = list(scores.values())


def test_every_published_row_is_compared_with_not_only_the_same_row():
    one = run()
    set_scores(one, "moco_kmeans", nmi=0.55)  # above its own published .5, below .6 of another
    set_scores(one, "moco_umap", nmi=0.7)
    set_scores(one, "pca_spectral", nmi=0.65)
    sentence = sentence_on("nmi", [one], "put right")
    assert "best published .600, PCA + Spectral; PCA + spectral here .650" in sentence
    assert sentence.endswith("Better: MoCo + UMAP .700. Not better: MoCo + K-Means .550.")
    set_scores(one, "moco_umap", nmi=0.62)  # above every published row, below PCA + spectral here
    assert "Better:" not in sentence_on("nmi", [one], "put right")


def test_less_is_better_for_dbi():
    one = run()
    for method, value in (("moco_kmeans", 0.9), ("moco_umap", 1.1), ("pca_spectral", 2.0)):
        set_scores(one, method, dbi=value)
    published = one["values"]["run_info"]["parameters"]["evaluation"]["methods"]
    published["kmeans"]["published"] = {"source": "thesis 1a", "dbi": 1.0}
    sentence = sentence_on("dbi", [one], "put right")
    assert sentence.endswith("Better: MoCo + K-Means .900. Not better: MoCo + UMAP 1.100.")


def test_a_score_that_is_missing_is_neither_better_nor_worse():
    collapsed = run()
    set_scores(collapsed, "moco_kmeans", silhouette=np.nan, dbi=np.nan, chi_normalized=np.nan)
    words = Page(verdicts([collapsed], "put right")).words
    assert words[words.index("MoCo + K-Means") + 3 :][:3] == ["? ?"] * 3
    words = Page(verdicts([run(labels=False)], "put right")).words
    assert words[words.index("MoCo + K-Means") + 1 :][:2] == ["? ?"] * 2
    assert sentence_on("nmi", [run(labels=False)], "put right") == ""


def test_a_seed_without_a_score_is_told():
    collapsed = run(seed=1)
    set_scores(collapsed, "moco_kmeans", dbi=np.nan)
    words = Page(methods_table([run(), collapsed, run(seed=2)])).words
    row = words[words.index("MoCo + K-Means") :]
    row = row[row.index("put right") + 1 :][:8]
    assert row[4].endswith(" (2)")
    assert not row[0].endswith(")")
    assert row[-1] == "3"


def test_whitened_maps_had_the_epochs_of_their_encoder():
    whitened = run()
    table = whitened["tables"]["clustering_comparison"]
    table.loc[table["method"] == "moco_umap", "representation"] = "moco_whitened"
    assert epochs_of([whitened], "put right", "moco_umap") == "2"
    assert epochs_of([whitened], "put right", "kmeans") == ""


def test_costs_are_medians_and_sums():
    row = training_costs([run()], {"moco": {"seconds": 13.66}}).iloc[0]
    expected = (4.0, 100.0, 8.0, 2, 13.66)
    found = row[["seconds", "memory_mb", "total_s", "epochs", "published_seconds"]]
    assert tuple(found) == pytest.approx(expected)
    costs = inference_costs(run(), {}).set_index("method")
    assert list(costs.index) == ["moco_kmeans", "moco_umap"]  # pixels have no cost on disk
    assert costs.loc["moco_umap", "time_s"] == 3.5
    assert costs.loc["moco_umap", "memory_mb"] == 70.0


def test_marks_are_those_of_the_thesis():
    shares = marked_shares(run()["tables"]["cluster_distribution/pca_spectral"])
    assert list(shares.columns) == ["shirt", "shoe", "bag"]
    assert shares.loc[0].tolist() == [(0.9, "dominant"), (0.1, ""), (0.0, "")]
    assert shares.loc[1].tolist() == [(0.4, "confused"), (0.4, "confused"), (0.2, "confused")]


def test_everything_is_escaped_but_html_itself():
    assert text("<i>&") == "&lt;i&gt;&amp;"
    assert element("p", element("b", "<"), class_='"') == '<p class="&quot;"><b>&lt;</b></p>'
    assert "<td><b>x</b></td>" in table(["h"], [[element("b", "x")]])


def test_the_criterion_is_shown_beside_the_accuracy_where_it_was_asked():
    judged = run()
    judged["values"]["best_method"] = {
        "method": "moco_umap",
        "representation": "moco",
        "neighbor_information": {m: 1.0 + i for i, m in enumerate(METHODS)},
    }
    page = Page(page_of([judged]))
    assert "The choice without labels" in page.words
    assert len(page.images) == len(Page(page_of([run()])).images) + 1
    assert "The choice without labels" not in Page(page_of([run()])).words


def test_ablation_and_study_are_drawn_where_they_were_run():
    assert report_figures([run()]) == {}
    with_both = run()
    with_both["tables"] |= {
        "ablation": pd.DataFrame(
            {"case": ["a", "b"], "epochs": 2, "nmi": [0.1, 0.2], "ari": [0.1, 0.2], "acc": 0.3}
            | {"silhouette": 0.1}
        ),
        "bugfix_ablation": pd.DataFrame(
            [
                {"case": c, "issue": f, "change": c, "row": r, "nmi": 0.1, "ari": 0.1, "acc": 0.2}
                for c, f in (("thesis", None), ("views", 8))
                for r in ("moco", "finetuned")
            ]
        ),
    }
    assert set(report_figures([with_both])) == {"ablation", "bugfix_ablation"}
    words = Page(page_of([with_both])).words
    assert any("residual connections help: one seed" in w for w in words)
    assert "What each finding is worth" in words


def test_switches_of_the_ablation_stand_beside_its_published_row():
    made = run()
    made["tables"]["ablation"] = pd.DataFrame(
        {"case": ["a", "c"], "residual": [False, True], "mlp": [False, True], "size": [20, 34]}
        | {"advanced_augmentation": False, "cosine": False, "epochs": 2, "acc": 0.3}
        | {"nmi": [0.1, 0.2], "ari": [0.1, 0.2], "silhouette": 0.1}
    )
    page = page_of([made])
    cells = page[page.index(">ResConn<") :].split("<tr")[1:]
    found = [row.count("✓") for row in cells[:4]]
    assert found == [0, 0, 2, 0]
    assert ">34</td>" in cells[2]


def test_seeds_that_differ_in_more_than_the_seed_are_told():
    runs = [run(seed=0), run(seed=1)]
    for made in runs:
        made["values"]["run_info"]["parameters"]["moco"]["seed"] = made["seed"]
    assert "do not differ by the seed alone" not in page_of(runs)
    runs[1]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 2
    words = Page(page_of(runs)).words
    assert "put right: its seeds do not differ by the seed alone" in words
    assert words[words.index("moco.epochs") :][:3] == ["moco.epochs", "30", "2"]
    assert "moco.seed" not in words


def test_peers_stand_beside_our_rows():
    spc = {"title": "SPC", "images": "70k", "acc": 0.679, "nmi": 0.735, "source": "2021"}
    words = Page(report_html([run()], {}, [spc])).words
    assert "Beside published clusterings" in words
    assert {"SPC", ".679", ".735"} <= set(words)
