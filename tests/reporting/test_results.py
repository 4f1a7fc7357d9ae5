import numpy as np
import pandas as pd

from fashion_mocluster.reporting.results import (
    RunResults,
    by_protocol,
    first_seeds,
    known_methods,
    method_titles,
    recorded,
)
from tests.reporting.runs import METHODS, files, png


def results(*runs):
    return [RunResults.from_files(run) for run in runs]


def test_every_file_of_a_run_has_its_attribute():
    run = files(seed=3)
    run["values"]["prediction_scores"] = {"n_images": 7}
    run["tables"]["ablation"] = pd.DataFrame({"case": ["a"]})
    (read,) = results(run)
    assert (read.protocol, read.seed, read.best_method) == ("corrected", 3, "moco_umap")
    assert read.comparison is run["tables"]["clustering_comparison"]
    assert read.neighbor_mi == {method: 1.0 + i for i, method in enumerate(METHODS)}
    assert read.criterion_representation == "moco"
    assert list(read.training_costs) == list(read.embedding_costs) == ["moco"]
    assert list(read.distributions) == ["pca_spectral"]
    assert read.parameters["moco"]["epochs"] == 30
    assert read.hardware["cores"] == 2
    assert read.versions == {"python": "3", "torch": "2"}
    assert read.predictions == {"n_images": 7}
    assert len(read.ablation) == 1
    assert read.bugfix_ablation.empty


def test_a_run_without_any_file_is_empty():
    nothing = {"protocol": "p", "seed": 0, "tables": {}, "values": {}, "figures": {}}
    (read,) = results(nothing)
    assert not read.best_method
    assert not read.methods
    assert read.comparison.empty
    assert read.epochs_of("kmeans") == set()
    assert by_protocol([read], "comparison") == {}
    assert first_seeds([read]) == []
    assert method_titles([read]) == {}
    assert recorded([read], "report", "thesis_costs") == {}


def test_figures_of_a_method():
    (read,) = results(files())
    assert read.method_figures("moco_kmeans") == {"confusion": png()}
    assert read.method_figures("moco_umap") == {"examples": png()}
    assert read.method_figures("kmeans") == {}


def test_whitened_maps_had_the_epochs_of_their_encoder():
    run = files()
    table = run["tables"]["clustering_comparison"]
    table.loc[table["method"] == "moco_umap", "representation"] = "moco_whitened"
    (read,) = results(run)
    assert read.epochs_of("moco_umap") == {2}
    assert read.epochs_of("kmeans") == set()


def test_methods_of_the_thesis_come_first_and_unknown_ones_last():
    run = files()
    methods = run["values"]["run_info"]["parameters"]["evaluation"]["methods"]
    methods["moco_umap"] = methods.pop("moco_umap")
    run["tables"]["clustering_comparison"].loc[0, "method"] = "somebody_elses"
    assert list(known_methods(results(run))) == list(METHODS)
    assert list(method_titles(results(run)).items())[-1] == ("somebody_elses", "somebody_elses")


def test_runs_are_grouped_by_protocol_in_order():
    runs = results(files(seed=0), files(seed=1), files("other", seed=0))
    assert {name: len(t) for name, t in by_protocol(runs, "comparison").items()} == {
        "corrected": 2,
        "other": 1,
    }
    assert [(run.protocol, run.seed) for run in first_seeds(runs)] == [
        ("corrected", 0),
        ("other", 0),
    ]
    assert not np.isnan(recorded(runs, "report", "thesis_costs")["training"]["moco"]["seconds"])
