"""``python -m tests.stress.sweeps``: five runs of a sweep, one killed and one wrong, and the same runs
one after the other.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fashion_mocluster.sweep.plan import Case, Run, plan
from fashion_mocluster.sweep.side_by_side import run_all
from fashion_mocluster.sweep.workers import connected
from tests.stress.kills import _comparable, copy_project

METHODS = "evaluation.run_methods=[moco_kmeans],evaluation.model_selection.representation=moco"
PARAMS = f"moco.epochs=12,{METHODS}"


class KillOnce:
    """Listens to a sweep, and from its first line on waits for the time to kill the process of a run.

    Attributes:
        lines: All that was said.
    """

    def __init__(self, run: Run, is_time: Callable[[], bool]):
        self.run, self.is_time = run, is_time
        self.lines: list[str] = []
        self._waiting = threading.Thread(target=self._kill, daemon=True)

    def __call__(self, text: str) -> None:
        """Take a line of progress."""
        self.lines.append(text)
        if len(self.lines) == 1:
            self._waiting.start()

    def _kill(self) -> None:
        while not self.is_time():
            time.sleep(0.005)
        for process in multiprocessing.active_children():
            if process.name == self.run.options[-1]:
                process.kill()


def main() -> int:
    """Print the times and what differs; 0 if nothing does."""
    runs = plan(["smoke"], range(1, 6), [Case()], PARAMS, "results", {"smoke": "data/smoke"})
    runs[3] = replace(runs[3], params=f"{PARAMS},moco.batch_size=300")
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as scratch:
        alone, swept = copy_project_to(scratch, "alone"), copy_project_to(scratch, "swept")
        begun = time.perf_counter()
        for run in runs:
            command = [sys.executable, "-m", "fashion_mocluster", *run.options]
            subprocess.run(command, cwd=alone, capture_output=True)
        single = time.perf_counter() - begun
        checkpoint = swept / runs[1].folder / "06_models/moco_pretraining/checkpoints/last.pt"
        kill = KillOnce(runs[1], checkpoint.exists)
        begun = time.perf_counter()
        with connected(None, len(runs), asked=2) as (client, here):
            outcomes = run_all(runs, swept, client, here, kill)
        both = time.perf_counter() - begun
        command = [sys.executable, "-m", "fashion_mocluster", "--env=smoke", "--pipelines=report"]
        subprocess.run([*command, "--params=seed=1"], cwd=swept, check=True, capture_output=True)
        expected, found = (_comparable(folder / "data/smoke") for folder in (alone, swept))
        report = (swept / "data/smoke/seed_1/08_reporting/report.html").stat().st_size
    print("\n".join(kill.lines))
    differing = [name for name in expected if found.get(name) != expected[name]]
    states = [outcome.state for outcome in outcomes]
    print(
        f"one after the other {single:.1f} s, side by side {both:.1f} s, ratio {both / single:.2f}"
    )
    print(
        f"{len(expected)} files compared, differing: {differing or 'none'}; {states}; {report} bytes"
    )
    return 0 if states.count("done") == 4 and not differing else 1


def copy_project_to(scratch: str, name: str) -> Path:
    """A copy of the project."""
    copy_project(Path(scratch, name))
    return Path(scratch, name)


if __name__ == "__main__":
    sys.exit(main())
