import numpy as np
import pandas as pd

from fashion_mocluster.reporting.results import (
    RunResults,
    first_runs,
    gather,
    known_methods,
    method_scores,
    method_titles,
    recorded,
)
from tests.reporting.runs import METHODS, files, png


def results(*runs):
    return [RunResults.from_files(run) for run in runs]


def test_every_file_of_a_run_has_its_attribute():
    run = files("own", seed=3)
    run["values"]["prediction_scores"] = {"n_images": 7}
    run["tables"]["ablation"] = pd.DataFrame({"case": ["a"]})
    (read,) = results(run)
    assert (read.recipe, read.seed, read.best_method) == ("own", 3, "moco_umap")
    assert read.comparison is run["tables"]["clustering_comparison"]
    assert read.neighbor_mi == {method: 1.0 + i for i, method in enumerate(METHODS)}
    assert list(read.training_costs) == list(read.embedding_costs) == ["moco"]
    assert list(read.distributions) == ["pca_spectral"]
    assert read.parameters["moco"]["epochs"] == 300
    assert read.hardware["cores"] == 2
    assert read.versions == {"python": "3", "torch": "2"}
    assert read.predictions == {"n_images": 7}
    assert len(read.ablation) == 1
    assert read.bugfix_ablation.empty


def test_predictions_by_the_clusters_of_an_earlier_run_are_left_out():
    run = files()
    run["values"]["best_method"]["clustering"] = "abcdefgh"
    for clustering in ("abcdefgh", "stuvwxyz"):
        run["values"]["prediction_scores"] = {"n_images": 7, "clustering": clustering}
        assert bool(results(run)[0].predictions) == (clustering == "abcdefgh")


def test_costs_of_ablations_and_of_new_images_are_left_out():
    run = files()
    for name in ("ablation_a", "bugfix_ablation_all_finetuned"):
        run["tables"][f"training_cost/{name}"] = run["tables"]["training_cost/moco"]
        run["values"][f"embedding_cost/{name}"] = {"time_s": 9.0, "memory_mb": 1.0}
    for name in ("new_moco", "new_variant"):
        run["values"][f"embedding_cost/{name}"] = {"time_s": 9.0, "memory_mb": 1.0}
    (read,) = results(run)
    assert list(read.training_costs) == ["moco"]
    assert list(read.embedding_costs) == ["moco", "new_variant"]


def test_a_run_without_any_file_is_empty():
    nothing = {"recipe": "p", "seed": 0, "tables": {}, "values": {}, "figures": {}}
    (read,) = results(nothing)
    assert not read.best_method
    assert read.comparison.empty
    assert read.epochs_of("pixels") == ""
    assert gather([read], "comparison").empty
    assert method_scores([read]).empty
    assert first_runs([read]) == []
    assert method_titles([read]) == {}
    assert recorded([read], "report", "thesis_costs") == {}


def test_figures_of_a_method():
    (read,) = results(files())
    assert read.method_figures("moco_kmeans") == {"confusion": png()}
    assert read.method_figures("moco_umap") == {"examples": png()}
    assert read.method_figures("kmeans") == {}


def test_whitened_maps_had_the_epochs_of_their_encoder():
    (read,) = results(files())
    assert read.epochs_of("moco_whitened") == "2"
    assert read.epochs_of("pixels") == ""


def test_methods_of_the_thesis_come_first_and_unknown_ones_last():
    run = files()
    methods = run["values"]["run_info"]["parameters"]["evaluation"]["methods"]
    methods["moco_umap"] = methods.pop("moco_umap")
    run["tables"]["clustering_comparison"].loc[0, "method"] = "somebody_elses"
    assert list(known_methods(results(run))) == list(METHODS)
    assert list(method_titles(results(run)).items())[-1] == ("somebody_elses", "somebody_elses")


def test_tables_are_gathered_with_recipe_and_seed():
    runs = results(files("own", seed=0), files("own", seed=1), files("other", seed=0))
    keys = gather(runs, "comparison")[["recipe", "seed"]].drop_duplicates()
    assert keys.to_numpy().tolist() == [["own", 0], ["own", 1], ["other", 0]]
    assert [run.name for run in first_runs(runs)] == ["own, seed 0", "other, seed 0"]
    assert not np.isnan(recorded(runs, "report", "thesis_costs")["training"]["moco"]["seconds"])


def test_scores_of_methods_say_what_was_chosen_and_how_it_is_called():
    scores = method_scores(results(files("own"), files("other", seed=1, methods=("kmeans",))))
    assert scores["title"].iloc[-1] == METHODS["kmeans"][0]
    assert scores["chosen"].to_list() == [False] * 3 + [True] * 2
    assert scores["neighbor_mi"].to_list() == [1, 2, 3, 4, 1]
    assert scores["epochs"].to_list() == ["", "", "2", "2", ""]


def test_a_joined_representation_takes_what_its_parts_take():
    run = files()
    run["values"]["embedding_cost/hog"] = {"time_s": 4.0, "memory_mb": 9.0}
    run["values"]["run_info"]["parameters"]["joined"] = {"both": {"moco": 1, "hog": 2}}
    read = RunResults.from_files(run)
    moco = read.embedding_cost("moco")
    assert read.embedding_cost("both") == {
        "time_s": moco["time_s"] + 4,
        "memory_mb": max(moco["memory_mb"], 9),
    }
    assert read.embedding_cost("pixels") is None
    assert read.epochs_of("both") == "2"
