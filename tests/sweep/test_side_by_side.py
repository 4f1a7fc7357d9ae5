"""Real runs in real processes, of which one is killed and one cannot be made."""

import contextlib
from dataclasses import replace

import psutil
import pytest

from fashion_mocluster.sweep.plan import Case, plan
from fashion_mocluster.sweep.side_by_side import run_all
from fashion_mocluster.sweep.workers import connected
from tests.project_copy import copy_project, run
from tests.stress import tiny_training

pytestmark = pytest.mark.slow
PARAMS = {"moco.epochs": 8, "moco.compute.threads": 1}


def planned(seeds):
    params = ",".join(f"{key}={value}" for key, value in PARAMS.items())
    return plan(["smoke"], seeds, [Case()], params, "moco_pretraining", {"smoke": "data/smoke"})


def kill_once(checkpoint, seed):
    """A listener that kills the run of a seed, once, when it has this checkpoint."""
    killed = []

    def listen(text):
        if not killed and checkpoint.exists():
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if any(f"seed={seed}" in argument for argument in process.cmdline()):
                        killed.append(process.pid)
                        process.kill()

    return listen


def weights(folder):
    """Everything under the folder of the models, bit for bit."""
    return tiny_training.result(folder / "06_models")


def test_killed_runs_go_on_and_wrong_ones_stop_no_other(tmp_path, monkeypatch):
    project = copy_project(tmp_path)
    monkeypatch.setattr("fashion_mocluster.sweep.side_by_side.SAY_EVERY_S", 0)
    good, killed, wrong = planned([1, 2, 3])
    wrong = replace(wrong, params=f"{wrong.params},moco.batch_size=300")
    smoke = project / "data/smoke"
    said = []
    listen = kill_once(smoke / "seed_2/06_models/moco_pretraining/checkpoints/last.pt", 2)

    def say(text):
        said.append(text)
        listen(text)

    with connected(None, 3, asked=2) as (client, here):
        outcomes = run_all([good, killed, wrong], project, client, here, say)
        again = run_all([good, killed], project, client, here, say)
    assert [outcome.state for outcome in outcomes] == ["done", "done", "failed"]
    assert outcomes[2].error.startswith("InputError: moco.batch_size is 300 but there are only 200")
    assert said.count("smoke/seed_3: started") == 1
    assert "smoke/seed_2: killed by SIGKILL" in said
    assert "moco: continuing from" in (smoke / "seed_2/sweep.log").read_text()
    assert [outcome.state for outcome in again] == ["kept", "kept"]
    found = {seed: weights(smoke / f"seed_{seed}") for seed in (1, 2)}
    for seed in (1, 2):
        (smoke / f"seed_{seed}").rename(smoke / f"swept_{seed}")
        run(project, "smoke", ["moco_pretraining"], {"seed": seed, **PARAMS})
        assert weights(smoke / f"seed_{seed}") == found[seed]
