from fashion_mocluster.reporting.provenance import (
    differing_parameters,
    provenance_table,
    recorded_parameters,
)
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import Page, files


def test_differing_parameters_are_named_by_dotted_key_but_for_the_seeds():
    recorded = {
        "one": {"seed": 0, "moco": {"seed": 1, "epochs": 3, "views": {}}, "only": 1},
        "two": {"seed": 1, "moco": {"seed": 2, "epochs": 4, "views": {}}},
    }
    assert differing_parameters(recorded).to_dict("records") == [
        {"parameter": "moco.epochs", "one": "3", "two": "4"},
        {"parameter": "only", "one": "1", "two": ""},
    ]
    assert differing_parameters({"one": recorded["one"]}).empty
    assert differing_parameters({}).empty


def test_differences_between_seeds_and_between_recipes_are_kept_apart():
    runs = [files("own", seed=0), files("own", seed=1), files("other", seed=0)]
    runs[1]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 31
    found = recorded_parameters([RunResults.from_files(run) for run in runs])
    seeds = {name: Page(table).text for name, table in found["between_seeds"].items()}
    assert seeds == {"own": "parameter seed 0 seed 1 moco.epochs 300 31"}
    assert found["between_recipes"] == ""
    assert list(found["all"]) == ["own", "other"]
    runs[2]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 7
    found = recorded_parameters([RunResults.from_files(run) for run in runs])
    assert Page(found["between_recipes"]).text == "parameter own other moco.epochs 300 7"


def test_what_a_run_took_and_on_what():
    run = files("own", seed=4)
    run["tables"]["training_cost/ablation_a"] = run["tables"]["training_cost/moco"]
    run["values"]["embedding_cost/new_moco"] = run["values"]["embedding_cost/moco"]
    (line,) = provenance_table([RunResults.from_files(run)]).to_dict("records")
    assert line == {
        "run": "own, seed 4",
        "hardware": "A & B, 2 cores, 24.0 GB, GPU: none",
        "versions": "python 3, torch 2",
        **{"training s": "8", "embedding s": "2", "clustering s": "8"},
    }
    assert provenance_table([RunResults("p", 0)]).empty
