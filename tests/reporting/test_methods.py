import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.methods import SCORES, best_method, methods_table
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
    assert line["NMI"].startswith(f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f} ")
    assert line["neighbor_mi"] == "3.000 ± 0.000"
    assert (line["epochs"], line["seeds"]) == ("2", "2")
    assert line["results of"] == "corrected * (1 of 2 seeds)"


def test_bold_is_the_best_of_each_column():
    run = files()
    bold = Page(methods_table(results(run))).bold
    table = run["tables"]["clustering_comparison"]
    best = {c: table[c].max() if c != "dbi" else table[c].min() for c in SCORES}
    assert [cell.split()[0] for cell in sorted(bold)] == sorted(f"{v:.3f}" for v in best.values())


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
    assert ")" not in line["NMI"]
    assert line["seeds"] == "3"


def test_scores_better_than_the_thesis_have_a_plus():
    run = files()
    methods = run["values"]["run_info"]["parameters"]["evaluation"]["methods"]
    methods["moco_kmeans"]["thesis_scores"]["dbi"] = 1.0
    methods["pca_spectral"]["thesis_scores"]["dbi"] = 1.0
    set_scores(run, "moco_kmeans", nmi=0.55, ari=0.2, dbi=0.9)
    set_scores(run, "pca_spectral", nmi=0.6, dbi=1.1)
    markup = methods_table(results(run))
    line = lines_of("MoCo + K-Means", markup)[1]
    assert [line[score] for score in ("NMI", "ARI", "DBI")] == ["0.550 +", "0.200 -", "0.900 +"]
    # Equal is not better, and for DBI lower is.
    line = lines_of("PCA + Spectral", markup)[1]
    assert [line[score] for score in ("NMI", "DBI")] == ["0.600 -", "1.100 -"]
    # What the thesis has not published cannot be compared with.
    assert line["ACC"] == f"{score(run, 'pca_spectral', 'acc'):.3f}"
    assert lines_of("MoCo + UMAP", markup)[0]["NMI"] == f"{score(run, 'moco_umap', 'nmi'):.3f}"


def test_a_score_that_is_missing_is_neither_better_nor_worse():
    collapsed = files()
    set_scores(collapsed, "moco_kmeans", silhouette=np.nan, nmi=np.nan)
    line = lines_of("MoCo + K-Means", methods_table(results(collapsed)))[1]
    assert (line["Silhouette"], line["NMI"]) == ("", "")
    assert "nan" not in methods_table(results(files(labels=False)))


def test_the_best_method_has_the_scores_of_what_each_seed_chose():
    runs = [files(seed=0), files(seed=1), files(seed=2), files("other", seed=0)]
    runs[0]["values"]["best_method"]["method"] = "moco_kmeans"
    best = best_method(results(*runs))
    assert best["title"] == "MoCo + UMAP"
    assert best["counts"] == {"MoCo + K-Means": 1, "MoCo + UMAP": 2}
    assert (best["shown"].name, best["seeds"]) == ("corrected, seed 1", 3)
    assert best["n_images"] == 1000
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


def test_a_run_without_recorded_parameters():
    bare = files()
    bare["values"] = {}
    (line,) = lines_of("kmeans", methods_table(results(bare)))
    assert line["neighbor_mi"] == ""
    assert methods_table([RunResults("p", 0)]) == ""
    assert isinstance(RunResults("p", 0).comparison, pd.DataFrame)
