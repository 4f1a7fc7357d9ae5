import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.methods import (
    SCORES,
    best_method,
    methods_table,
    thesis_comparison,
)
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import Page, files, png, table_lines


def results(*runs):
    return [RunResults.from_files(run) for run in runs]


def set_scores(run, method, **scores):
    table = run["tables"]["clustering_comparison"]
    table.loc[table["method"] == method, list(scores)] = list(scores.values())


def score(run, method, column):
    return run["tables"]["clustering_comparison"].set_index("method").loc[method, column]


def lines_of(method, markup):
    return [line for line in table_lines(markup) if line["method"] == method]


def test_methods_of_one_protocol_only_and_published_scores_are_shown():
    lines = table_lines(methods_table(results(files(), files("rerun", methods=("kmeans",)))))
    assert [(line["method"], line["results of"]) for line in lines] == [
        ("<b>K-Means & more</b>", "the thesis"),
        ("<b>K-Means & more</b>", "corrected"),
        ("<b>K-Means & more</b>", "rerun *"),
        ("PCA + Spectral", "the thesis"),
        ("PCA + Spectral", "corrected"),
        ("MoCo + K-Means", "the thesis"),
        ("MoCo + K-Means", "corrected"),
        ("MoCo + UMAP", "corrected *"),
    ]
    assert [lines[0][score] for score in ("NMI", "ARI", "ACC")] == ["0.500", "0.300", ""]


def test_mean_over_seeds_and_epochs_really_run():
    runs = [files(seed=0), files(seed=1)]
    runs[1]["values"]["best_method"]["method"] = "moco_kmeans"
    (_, line) = lines_of("MoCo + K-Means", methods_table(results(*runs)))
    values = [score(run, "moco_kmeans", "nmi") for run in runs]
    assert line["NMI"] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert line["neighbor_mi"] == "3.000 ± 0.000"
    assert (line["epochs"], line["seeds"]) == ("2", "2")
    assert line["results of"] == "corrected * (1 of 2 seeds)"


def test_bold_is_the_best_of_each_column():
    run = files()
    bold = Page(methods_table(results(run))).bold
    table = run["tables"]["clustering_comparison"]
    best = {c: table[c].max() if s.higher_is_better else table[c].min() for c, s in SCORES.items()}
    assert sorted(bold) == sorted(f"{value:.3f}" for value in best.values())


def test_fewer_clusters_than_asked_for_are_told():
    run = files()
    set_scores(run, "kmeans", clusterer="turtle (7 of 10 clusters)")
    line = lines_of("<b>K-Means & more</b>", methods_table(results(run)))[1]
    assert line["clusterer"] == "turtle (7 of 10 clusters)"


def test_a_seed_without_a_score_is_told():
    collapsed = files(seed=1)
    set_scores(collapsed, "moco_kmeans", dbi=np.nan)
    line = lines_of("MoCo + K-Means", methods_table(results(files(), collapsed, files(seed=2))))[1]
    assert line["DBI"].endswith(" (2)")
    assert not line["NMI"].endswith(")")
    assert line["seeds"] == "3"


def test_differences_to_the_thesis_and_to_the_baseline():
    run = files()
    set_scores(run, "moco_kmeans", nmi=0.55, ari=0.2)
    set_scores(run, "pca_spectral", nmi=0.65, ari=0.1)
    markup = thesis_comparison(results(run))
    found = {line["compared with"]: line for line in lines_of("MoCo + K-Means", markup)}
    assert {name: (line["NMI"], line["ARI"]) for name, line in found.items()} == {
        "the same method in the thesis": ("+0.050", "-0.100"),
        "the thesis's best of each score": ("-0.050", "-0.200"),
        "PCA + Spectral here": ("-0.100", "+0.100"),
    }
    # What the thesis has not published has no difference.
    assert found["the same method in the thesis"]["ACC"] == ""
    assert found["PCA + Spectral here"]["ACC"] != ""
    # A method that the thesis does not have; one that is not of a trained encoder.
    assert len(lines_of("MoCo + UMAP", markup)) == 2
    assert not lines_of("PCA + Spectral", markup)


def test_less_is_better_for_dbi():
    run = files(methods=("pca_spectral", "moco_kmeans"))
    table = run["tables"]["clustering_comparison"]
    table[["acc", "nmi", "ari", "silhouette", "chi_normalized"]] = np.nan
    set_scores(run, "moco_kmeans", dbi=0.9)
    set_scores(run, "pca_spectral", dbi=2.0)
    assert Page(thesis_comparison(results(run))).bold == ["-1.100"]


def test_a_score_that_is_missing_is_neither_better_nor_worse():
    collapsed = files()
    set_scores(collapsed, "moco_kmeans", silhouette=np.nan, nmi=np.nan)
    for line in lines_of("MoCo + K-Means", thesis_comparison(results(collapsed))):
        assert (line["Silhouette"], line["NMI"]) == ("", "")
    assert "nan" not in thesis_comparison(results(files(labels=False)))


def test_the_best_method_has_the_scores_of_what_each_seed_chose():
    runs = [files(seed=0), files(seed=1), files(seed=2), files("other", seed=0)]
    runs[0]["values"]["best_method"]["method"] = "moco_kmeans"
    best = best_method(results(*runs))
    assert best["title"] == "MoCo + UMAP"
    assert best["counts"] == {"MoCo + K-Means": 1, "MoCo + UMAP": 2}
    assert (best["protocol"], best["seed"], best["seeds"]) == ("corrected", 1, 3)
    assert (best["n_methods"], best["n_images"]) == (4, 1000)
    assert best["examples"] == png()
    chosen = ["moco_kmeans", "moco_umap", "moco_umap"]
    values = [score(run, method, "acc") for run, method in zip(runs, chosen, strict=False)]
    header, line = Page(best["scores"]).lines
    found = dict(zip(header, line, strict=True))
    assert found["ACC"] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert found["neighbor_mi"] == f"{11 / 3:.3f} ± {np.std([3, 4, 4], ddof=1):.3f}"


def test_the_best_method_without_labels_has_no_label_scores():
    header, _ = Page(best_method(results(files(labels=False)))["scores"]).lines
    assert header == ["Silhouette", "DBI", "log1p(CHI)/10", "neighbor_mi"]


@pytest.mark.parametrize("change", ["best_method", "clustering_comparison"])
def test_nothing_is_best_where_nothing_was_chosen(change):
    run = files()
    run["values"].pop(change, None)
    run["tables"].pop(change, None)
    assert best_method(results(run)) is None


def test_nothing_to_compare_with():
    bare = files()
    bare["values"] = {}
    assert thesis_comparison(results(bare)) == ""
    (line,) = lines_of("kmeans", methods_table(results(bare)))
    assert line["neighbor_mi"] == ""
    assert methods_table([RunResults("p", 0)]) == ""
    assert isinstance(RunResults("p", 0).comparison, pd.DataFrame)
