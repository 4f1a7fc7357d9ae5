import pandas as pd
import pytest

from fashion_mocluster.parameters import ParameterError
from fashion_mocluster.sweep.command import reporting_run, run_sweep, save_table
from fashion_mocluster.sweep.plan import Case, plan
from fashion_mocluster.sweep.side_by_side import DONE, FAILED, KEPT, Outcome
from tests.project_copy import PROJECT

CASES = [Case("plain"), Case("long", "moco.epochs=30")]


def outcomes(*states):
    """How runs of two cases with seeds 3 and 4 ended: plain 3, long 3, plain 4, long 4."""
    runs = plan(["smoke"], [3, 4], CASES, "data.limit=9", "results", {"smoke": "data/smoke"})
    return [Outcome(run, state) for run, state in zip(runs, states, strict=True)]


def test_a_mistyped_environment_is_named_beside_those_that_there_are():
    with pytest.raises(ParameterError, match="--env=smok: .* are base, .*, smoke, thesis"):
        run_sweep(PROJECT, ["smok"], [0], CASES, "", "results", None, None, print)


def test_the_report_is_of_the_first_case_with_results_beside_the_others():
    run = reporting_run(outcomes(FAILED, DONE, KEPT, DONE))
    assert run.options == [
        "--env=smoke",
        "--pipelines=report",
        "--params=seed=3,case=long,data.limit=9,moco.epochs=30,"
        "report.compare_with.smoke/plain=data/smoke/case_plain",
    ]


def test_there_is_no_report_without_results():
    assert reporting_run(outcomes(*4 * [FAILED])) is None


def test_the_table_says_how_each_run_ended(tmp_path):
    ended = outcomes(DONE, FAILED, KEPT, DONE)
    ended[0].seconds = 12.345
    ended[1].error = "InputError: too few\n  images, see README"
    save_table(ended, tmp_path / "sweep.csv")
    table = pd.read_csv(tmp_path / "sweep.csv", keep_default_na=False)
    expected = {"run": "smoke/plain/seed_3", "environment": "smoke", "seed": 3}
    expected |= {"parameters": "data.limit=9", "state": "done", "seconds": 12.3, "error": ""}
    assert table.iloc[0].to_dict() == expected
    assert list(table["state"]) == ["done", "failed", "kept", "done"]
    assert table["error"][1] == ended[1].error
    assert table["parameters"][1] == "data.limit=9,moco.epochs=30"
