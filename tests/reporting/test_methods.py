import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.reporting.methods import SCORES, THESIS_IMAGES, best_method, methods_table
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import files, png


def results(*runs):
    return [RunResults.from_files(run) for run in runs]


def set_scores(run, method, **scores):
    table = run["tables"]["clustering_comparison"]
    table.loc[table["method"] == method, list(scores)] = list(scores.values())


def score(run, method, column):
    return run["tables"]["clustering_comparison"].set_index("method").loc[method, column]


def lines_of(method, *runs):
    table, _ = methods_table(results(*runs))
    return [line for line in table.to_dict("records") if line["method"] == method]


def test_methods_of_one_recipe_only_and_published_scores_are_shown():
    table, _ = methods_table(results(files(), files("rerun", methods=("kmeans",))))
    assert list(zip(table["method"], table["results of"], strict=True)) == [
        ("<b>K-Means & more</b>", "the thesis"),
        ("<b>K-Means & more</b>", "default recipe"),
        ("<b>K-Means & more</b>", "rerun *"),
        ("PCA + Spectral", "the thesis"),
        ("PCA + Spectral", "default recipe"),
        ("MoCo + K-Means", "the thesis"),
        ("MoCo + K-Means", "default recipe"),
        ("MoCo + UMAP", "default recipe *"),
    ]
    assert table[["NMI", "ARI", "ACC"]].iloc[0].to_list() == ["0.500", "0.300", ""]


def test_mean_over_seeds_and_epochs_really_run():
    runs = [files(seed=0), files(seed=1)]
    runs[1]["values"]["best_method"]["method"] = "moco_kmeans"
    (_, line) = lines_of("MoCo + K-Means", *runs)
    values = [score(run, "moco_kmeans", "nmi") for run in runs]
    assert line["NMI"] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert line["neighbor_mi"] == "3.000 ± 0.000"
    assert (line["epochs"], line["seeds"]) == ("2", "2")
    assert line["results of"] == "default recipe * (1 of 2 seeds)"


def test_the_best_of_each_column_is_marked():
    run = files()
    table, classes = methods_table(results(run))
    scores = run["tables"]["clustering_comparison"]
    best = {c: scores[c].max() if c != "dbi" else scores[c].min() for c in SCORES}
    marked = table.to_numpy()[classes == "best"]
    assert sorted(marked) == sorted(f"{v:.3f}" for v in best.values())


def test_fewer_clusters_than_asked_for_are_told():
    run = files()
    set_scores(run, "kmeans", clusterer="turtle (7 of 10 clusters)")
    assert lines_of("<b>K-Means & more</b>", run)[1]["clusterer"] == "turtle (7 of 10 clusters)"


def test_a_seed_without_a_score_is_told():
    collapsed = files(seed=1)
    set_scores(collapsed, "moco_kmeans", dbi=np.nan)
    line = lines_of("MoCo + K-Means", files(), collapsed, files(seed=2))[1]
    assert line["DBI"].endswith(" (2)")
    assert ")" not in line["NMI"]
    assert line["seeds"] == "3"


def test_scores_of_as_many_images_as_the_thesis_has_are_compared_with_it():
    run = files()
    methods = run["values"]["run_info"]["parameters"]["evaluation"]["methods"]
    methods["moco_kmeans"]["thesis_scores"]["dbi"] = 1.0
    methods["pca_spectral"]["thesis_scores"]["dbi"] = 1.0
    set_scores(run, "moco_kmeans", nmi=0.55, ari=0.2, dbi=0.9, silhouette=np.nan)
    set_scores(run, "pca_spectral", nmi=0.6, ari=np.nan, dbi=1.1)
    line = lines_of("MoCo + K-Means", run)[1]
    assert [line[score] for score in ("NMI", "ARI", "DBI")] == ["0.550", "0.200", "0.900"]
    run["tables"]["clustering_comparison"]["n_images"] = THESIS_IMAGES
    line = lines_of("MoCo + K-Means", run)[1]
    assert [line[score] for score in ("NMI", "ARI", "DBI")] == ["0.550 +", "0.200 -", "0.900 +"]
    assert line["Silhouette"] == ""
    # Equal is not better, and for DBI lower is; what is missing is neither.
    line = lines_of("PCA + Spectral", run)[1]
    assert [line[score] for score in ("NMI", "ARI", "DBI")] == ["0.600 -", "", "1.100 -"]
    # What the thesis has not published cannot be compared with.
    assert line["ACC"] == f"{score(run, 'pca_spectral', 'acc'):.3f}"
    assert lines_of("MoCo + UMAP", run)[0]["NMI"] == f"{score(run, 'moco_umap', 'nmi'):.3f}"


def test_the_best_method_has_the_scores_of_what_each_seed_chose():
    runs = [files("own", seed=seed) for seed in (0, 1, 2)] + [files("other", seed=0)]
    runs[0]["values"]["best_method"]["method"] = "moco_kmeans"
    best = best_method(results(*runs))
    assert best["title"] == "MoCo + UMAP"
    assert best["counts"] == {"MoCo + K-Means": 1, "MoCo + UMAP": 2}
    assert (best["shown"].name, best["seeds"]) == ("own, seed 1", 3)
    assert best["n_images"] == 1000
    assert best["examples"] == png()
    chosen = ["moco_kmeans", "moco_umap", "moco_umap"]
    values = [score(run, method, "acc") for run, method in zip(runs, chosen, strict=False)]
    found = best["scores"].iloc[0]
    assert found["ACC"] == f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"
    assert found["neighbor_mi"] == f"{11 / 3:.3f} ± {np.std([3, 4, 4], ddof=1):.3f}"


@pytest.mark.parametrize("change", ["best_method", "clustering_comparison"])
def test_nothing_is_best_where_nothing_was_chosen(change):
    run = files()
    run["values"].pop(change, None)
    run["tables"].pop(change, None)
    assert best_method(results(run)) is None


def test_a_run_without_recorded_parameters():
    bare = files()
    bare["values"] = {}
    (line,) = lines_of("kmeans", bare)
    assert line["neighbor_mi"] == ""
    table, classes = methods_table([RunResults("p", 0)])
    assert table.empty
    assert classes.empty
    assert isinstance(RunResults("p", 0).comparison, pd.DataFrame)
