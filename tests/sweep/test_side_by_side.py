"""Real runs in real processes, of which one is killed and one cannot be made."""

from dataclasses import replace

import pytest

from fashion_mocluster.sweep.plan import Case, plan
from fashion_mocluster.sweep.side_by_side import run_all
from fashion_mocluster.sweep.workers import connected
from tests.project_copy import copy_project, run
from tests.stress import tiny_training
from tests.stress.sweeps import KillOnce

pytestmark = pytest.mark.slow
PARAMS = {"moco.epochs": 20, "moco.compute.threads": 1}


def planned(seeds):
    params = ",".join(f"{key}={value}" for key, value in PARAMS.items())
    return plan(["smoke"], seeds, [Case()], params, "moco_pretraining", {"smoke": "data/smoke"})


def test_killed_runs_go_on_and_wrong_ones_stop_no_other(tmp_path, monkeypatch):
    project = copy_project(tmp_path)
    monkeypatch.setattr("fashion_mocluster.sweep.side_by_side.SAY_EVERY_S", 0)
    killed, wrong = planned([2, 3])
    wrong = replace(wrong, params="data.path=nowhere.csv")
    folder = project / killed.folder
    checkpoint = folder / "06_models/moco_pretraining/checkpoints/last.pt"
    said = KillOnce(killed, checkpoint.exists)
    with connected(None, 2, asked=2) as (client, here):
        outcomes = run_all([killed, wrong], project, client, here, said)
        again = run_all([killed], project, client, here, said)
    assert [outcome.state for outcome in outcomes] == ["done", "failed"]
    assert "nowhere.csv" in outcomes[1].error
    assert said.lines.count("smoke/seed_3: started") == 1
    assert "smoke/seed_2: killed by SIGKILL" in said.lines
    assert "moco: continuing from" in (folder / "sweep.log").read_text()
    assert [outcome.state for outcome in again] == ["kept"]
    found = tiny_training.result(folder / "06_models")
    folder.rename(project / "swept")
    run(project, "smoke", ["moco_pretraining"], {"seed": 2, **PARAMS})
    assert tiny_training.result(folder / "06_models") == found
