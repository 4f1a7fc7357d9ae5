from fashion_mocluster.reporting.provenance import (
    differing_parameters,
    provenance_table,
    recorded_parameters,
)
from fashion_mocluster.reporting.results import RunResults
from tests.reporting.runs import files, table_lines


def test_differing_parameters_are_named_by_dotted_key_but_for_the_seeds():
    recorded = {
        "one": {"seed": 0, "moco": {"seed": 1, "epochs": 3, "views": {}}, "only": 1},
        "two": {"seed": 1, "moco": {"seed": 2, "epochs": 4, "views": {}}},
    }
    assert table_lines(differing_parameters("t", recorded)) == [
        {"parameter": "moco.epochs", "one": "3", "two": "4"},
        {"parameter": "only", "one": "1", "two": ""},
    ]
    assert differing_parameters("t", {"one": recorded["one"]}) == ""
    assert differing_parameters("t", {}) == ""


def test_differences_between_seeds_and_between_protocols_are_kept_apart():
    runs = [files(seed=0), files(seed=1), files("other", seed=0)]
    runs[1]["values"]["run_info"]["parameters"]["moco"]["epochs"] = 31
    found = recorded_parameters([RunResults.from_files(run) for run in runs])
    assert list(found["between_seeds"]) == ["corrected"]
    assert table_lines(found["between_seeds"]["corrected"]) == [
        {"parameter": "moco.epochs", "seed 0": "30", "seed 1": "31"}
    ]
    assert table_lines(found["between_protocols"]) == [
        {"parameter": "moco.epochs", "corrected": "30", "other": "300"}
    ]
    assert list(found["all"]) == ["corrected", "other"]


def test_what_a_run_took_and_on_what():
    (line,) = table_lines(provenance_table([RunResults.from_files(files(seed=4))]))
    assert line["run"] == "corrected, seed 4"
    assert [line[f"{stage} s"] for stage in ("training", "embedding", "clustering")] == [
        *("8", "2", "8"),
    ]
    assert line["hardware"] == "A & B, 2 cores, 24.0 GB, GPU: none"
    assert line["versions"] == "python 3, torch 2"
    assert provenance_table([RunResults("p", 0)]) == ""
