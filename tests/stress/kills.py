"""Trainings killed with SIGKILL and started again must end as if nothing had happened."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.project_copy import copy_project
from tests.stress import tiny_training


@dataclass
class Tally:
    """The result of the kills.

    Attributes:
        tried: Kills that came before the end of the run.
        survived: Those after which nothing was wrong.
        half_written: Weights, checkpoints and arrays that were damaged by a kill.
        lost: Files that were there after a kill and are missing at the end.
        differing: Files that differ from those of an undisturbed run at the end.
    """

    tried: int = 0
    survived: int = 0
    half_written: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def _context():
    """Children are forked from a server that has imported everything and computed nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.stress.tiny_training"])
    return context


def _finish(context, folder: Path) -> None:
    child = context.Process(target=tiny_training.train, args=(folder,))
    child.start()
    child.join()
    if child.exitcode:
        raise RuntimeError(f"the run that was started again failed with {child.exitcode}")


def kill_trainings(in_writes: int, at_random: int, seed: int = 0) -> Tally:
    """Kill tiny trainings while they write a file, and at random moments.

    Each is started again in the same folder until it ends, and its files are compared with those
    of an undisturbed run, bit for bit.
    """
    context, rng, tally = _context(), np.random.default_rng(seed), Tally()
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / "whole"
        _finish(context, whole)  # the first one pays for warming up, the second one is timed
        begun = time.perf_counter()
        _finish(context, Path(scratch) / "timed")
        duration = time.perf_counter() - begun
        expected = tiny_training.result(whole)
        for trial in range(in_writes + at_random):
            folder = Path(scratch) / f"trial_{trial}"
            if trial < in_writes:
                stage = tiny_training.STAGES[trial % len(tiny_training.STAGES)]
                arguments = (folder, int(rng.integers(0, 12)), stage)
                child = context.Process(target=tiny_training.train_and_die, args=arguments)
                child.start()
            else:
                child = context.Process(target=tiny_training.train, args=(folder,))
                child.start()
                time.sleep(rng.uniform(0, duration))
                child.kill()
            child.join()
            _judge(tally, child.exitcode, folder, expected, lambda f=folder: _finish(context, f))
    return tally


def _judge(tally: Tally, exitcode: int, folder: Path, expected: dict, finish) -> None:
    if exitcode != -signal.SIGKILL:
        return  # it ended before the kill came, which proves nothing
    tally.tried += 1
    before = set(tiny_training.result(folder))
    half_written = tiny_training.half_written(folder)
    finish()
    found = tiny_training.result(folder)
    # Only checkpoints of single epochs are thrown away, by the pruning.
    lost = [name for name in before - set(found) if "epoch_" not in name]
    differing = [name for name in expected if found.get(name) != expected[name]]
    tally.half_written += half_written
    tally.lost += lost
    tally.differing += differing
    tally.survived += not (half_written or lost or differing)


def kill_command_line(kills: int, seed: int = 0) -> Tally:
    """Kill ``kedro run`` at random moments of pretraining, an ablation case and both finetunings.

    All kills hit the same folder, one after the other; then the run is left to end, and its
    weights, histories and tables are compared with those of an undisturbed run.
    """
    rng, tally = np.random.default_rng(seed), Tally()
    with tempfile.TemporaryDirectory() as scratch:
        whole, killed = Path(scratch) / "whole", Path(scratch) / "killed"
        for folder in (whole, killed):
            copy_project(folder)
        subprocess.run(_command(), cwd=whole, check=True, capture_output=True)
        marks = ["moco: ", "ablation.cases.a: ", "finetuning.kmeans: ", "finetuning.spectral: "]
        for kill in range(kills):
            if not _run_and_kill(killed, marks[kill % len(marks)], rng.uniform(0, 1)):
                continue
            tally.tried += 1
            broken = tiny_training.half_written(killed / "data" / "smoke")
            tally.half_written += broken
        subprocess.run(_command(), cwd=killed, check=True, capture_output=True)
        expected, found = (_comparable(folder / "data" / "smoke") for folder in (whole, killed))
        tally.lost += expected.keys() - found.keys()
        tally.differing += [n for n in expected if n in found and found[n] != expected[n]]
        if not (tally.half_written or tally.lost or tally.differing):
            tally.survived = tally.tried
    return tally


def _command() -> list[str]:
    epochs = "moco.epochs=12,ablation.cases.a.epochs=12"
    epochs += ",finetuning.kmeans.epochs=12,finetuning.spectral.epochs=12"
    return [
        *(sys.executable, "-m", "kedro", "run", "--env=smoke"),
        *("--pipelines=ablation,__default__", f"--params=ablation.run=a,{epochs}"),
    ]


def _run_and_kill(project: Path, mark: str, delay: float) -> bool:
    """Kill a run ``delay`` seconds after it first printed ``mark``; False if it ended before."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen(
        _command(),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    for line in run.stdout:
        if mark in line:
            time.sleep(delay)
            break
    run.kill()
    run.stdout.close()
    return run.wait() == -signal.SIGKILL


def _comparable(folder: Path) -> dict[str, bytes]:
    """Weights, checkpoints, histories and tables; of tables without time and memory."""
    files = {}
    for name, content in tiny_training.result(folder).items():
        if name.endswith((".pt", ".npy", ".parquet", "history.csv")) or "07_model" in name:
            files[name] = content
        if name.endswith(("comparison.csv", "ablation.csv")):
            import pandas as pd

            table = pd.read_csv(folder / name)
            files[name] = table.drop(columns=["time_s", "memory_mb"], errors="ignore").to_csv()
    return files
