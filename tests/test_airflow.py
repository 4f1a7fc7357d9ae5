"""``kedro airflow`` makes a DAG of a few tasks of the default pipeline."""

import contextlib
import runpy
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

plugin = pytest.importorskip("kedro_airflow.plugin", reason="kedro-airflow is missing")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("project")]


class Task:
    """What Airflow makes of a function of the DAG, as far as the DAG needs it."""

    def __init__(self, name, run):
        self.name, self.run, self.before = name, run, set()

    def __rshift__(self, after):
        after.before.add(self.name)


def tasks_of(file, monkeypatch):
    """Tasks of a DAG, by name; a stand-in of Airflow itself, which is not installed here."""
    tasks = {}

    def task(task_id):
        return lambda run: lambda: tasks.setdefault(task_id, Task(task_id, run))

    sdk = ModuleType("airflow.sdk")
    sdk.task, sdk.dag = task, lambda **_: lambda build: build
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    runpy.run_path(file)
    return tasks


def test_the_default_pipeline_is_four_tasks_which_run(project, tmp_path, monkeypatch):
    options = ["--group-by=namespace", "--env=smoke", f"--target-dir={tmp_path}"]
    with contextlib.chdir(project):
        metadata = bootstrap_project(project)
        made = CliRunner().invoke(plugin.commands, ["airflow", "create", *options], obj=metadata)
        assert made.exit_code == 0, made.output
        tasks = tasks_of(tmp_path / "fashion_mocluster_smoke_dag.py", monkeypatch)
        assert {name: task.before for name, task in tasks.items()} == {
            "data-processing": set(),
            "moco-pretraining": {"data-processing"},
            "cluster-finetuning": {"data-processing", "moco-pretraining"},
            "evaluation": {"data-processing", "moco-pretraining", "cluster-finetuning"},
        }
        tasks["data-processing"].run()
    assert (project / "data/smoke/03_primary/pixel_statistics.json").exists()
