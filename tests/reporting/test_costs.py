import pytest

from fashion_mocluster.reporting.costs import (
    inference_costs,
    inference_table,
    training_costs,
    training_table,
)
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import files, table_lines


def test_training_costs_are_medians_and_maxima_of_the_epochs():
    run = files()
    run["tables"]["training_cost/ablation_a"] = run["tables"]["training_cost/moco"]
    (cost,) = training_costs([RunResults.from_files(run)]).to_dict("records")
    assert (cost["training"], cost["epochs"]) == ("moco", 2)
    assert (cost["seconds"], cost["memory_mb"]) == pytest.approx((4.0, 100.0))


def test_training_stands_beside_the_thesis_with_the_epochs_of_all_seeds():
    runs = [files(seed=0), files(seed=1)]
    runs[1]["tables"]["training_cost/moco"] = runs[1]["tables"]["training_cost/moco"].iloc[:1]
    results = [RunResults.from_files(run) for run in runs]
    (line,) = table_lines(training_table(results, {"moco": {"seconds": 13.66, "memory_mb": 280}}))
    assert line == {
        **{"training": "MoCo", "protocol": "corrected", "epochs run": "1, 2"},
        **{"s": "3.5", "MB": "100", "thesis s": "13.66", "thesis MB": "280"},
    }
    assert training_table([RunResults("p", 0)], {}) == ""


def test_inference_is_the_representation_and_then_the_clustering():
    result = RunResults.from_files(files())
    costs = inference_costs(result).set_index("method")
    assert list(costs.index) == ["moco_kmeans", "moco_umap"]  # pixels have no cost on disk
    assert costs.loc["moco_umap", "time_s"] == 3.5
    assert costs.loc["moco_umap", "memory_mb"] == 70.0
    line = table_lines(inference_table("t", result, {"moco_umap": {"time_s": 10.96}}))[1]
    assert (line["method"], line["s in all"]) == ("MoCo + UMAP", "3.5")
    assert (line["thesis s"], line["thesis MB"]) == ("10.96", "")
