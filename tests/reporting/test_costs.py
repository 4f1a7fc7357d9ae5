from fashion_mocluster.reporting.costs import inference_table, training_table
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import files


def test_training_is_the_median_and_the_maximum_of_the_epochs_of_all_seeds():
    runs = [files(seed=0), files(seed=1)]
    runs[1]["tables"]["training_cost/moco"] = runs[1]["tables"]["training_cost/moco"].iloc[:1]
    results = [RunResults.from_files(run) for run in runs]
    table = training_table(results, {"moco": {"seconds": 13.66, "memory_mb": 280}})
    (line,) = table.to_dict("records")
    assert line == {
        **{"training": "moco", "recipe": "default recipe", "epochs run": "1, 2"},
        **{"s": "3.0", "MB": "100", "thesis s": "13.66", "thesis MB": "280"},
    }
    assert training_table([RunResults("p", 0)], {}).empty


def test_inference_is_the_representation_and_then_the_clustering():
    result = RunResults.from_files(files())
    table = inference_table([result], {"moco_umap": {"time_s": 10.96}}).set_index("method")
    # The others' representations have no cost on disk.
    assert list(table.index) == ["MoCo + K-Means", "MoCo + UMAP"]
    line = table.loc["MoCo + UMAP"].to_list()
    assert line[:4] == ["default recipe, seed 0", "1.5", "2.0", "3.5"]
    memory = result.comparison.set_index("method").loc["moco_umap", "memory_mb"]
    assert memory < 70
    assert line[4:] == ["70", "10.96", ""]
