"""Training with one and two threads, where two pay and where they cost.

Two threads that share one core wait for each other: an otherwise idle virtual machine whose host is
busy made 506 images/s with one thread and 16 with two. Confining a process to one core makes the
case. Every measurement is a process of its own, for threads and their waiting are set up once; the
two sides of a comparison alternate.

``python -m tests.benchmarks.threads FILE THREADS CORES EPOCHS < recipe.json`` is such a process: it
trains on the images of FILE and prints images/s.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fashion_mocluster.learning.parameters import MocoParameters
from tests.benchmarks.side_by_side import Result
from tests.benchmarks.size import Size

PROJECT = Path(__file__).parents[2]
SPINS = "10000"


@dataclass(frozen=True)
class Setup:
    """How a process trains.

    Attributes:
        threads: Number of threads, or ``auto`` for the project's choice.
        cores: How many cores it may use.
        spins: GOMP_SPINCOUNT, how long a waiting thread stays on its core; None is the default.
        neighbor: Whether another process keeps a core busy meanwhile.
    """

    threads: str
    cores: int = 2
    spins: str | None = SPINS
    neighbor: bool = False


SHARED, TWO_CORES, BUSY = "two threads share a core", "two cores", "two cores, one busy"
# Where it is measured, then both sides, each with its name in the table.
PAIRS = (
    # Must reach 0.6.
    (SHARED, ("auto", Setup("auto", cores=1)), ("one", Setup("1", cores=1))),
    (SHARED, ("two", Setup("2", cores=1)), ("one", Setup("1", cores=1))),
    # Must reach 0.95.
    (TWO_CORES, ("auto", Setup("auto")), ("two", Setup("2"))),
    (TWO_CORES, ("two", Setup("2")), ("one", Setup("1"))),
    (TWO_CORES, (f"{SPINS} spins", Setup("2")), ("default", Setup("2", spins=None))),
    (
        *(BUSY, (f"{SPINS} spins", Setup("2", neighbor=True))),
        ("default", Setup("2", spins=None, neighbor=True)),
    ),
)


def thread_areas(images: np.ndarray, recipe: MocoParameters, size: Size) -> Iterator[Result]:
    """One result per area; ``ratio`` is our images/s over those of the other side.

    Args:
        images: uint8 (N, 28, 28).
        recipe: That of base.
        size: How much is measured.
    """
    if len(os.sched_getaffinity(0)) < 2:
        print("there is one core: two threads are not measured")
        return
    images = images[: size.thread_images]
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file.name, images)
        # A setup that is in several pairs is measured once a round.
        setups = dict.fromkeys(setup for _, *sides in PAIRS for _, setup in sides)
        rounds = [
            {s: _images_per_second(file.name, recipe, s, size.epochs) for s in setups}
            for _ in range(size.rounds)
        ]
    for where, *sides in PAIRS:
        names, (ours, against) = zip(*sides, strict=True)
        speeds = [(round_[ours], round_[against]) for round_ in rounds]
        yield _result(f"Training, {where}", len(images), speeds, names)


def _result(area: str, n: int, speeds: list[tuple[float, float]], names: tuple[str, str]) -> Result:
    ratios = [ours / against for ours, against in speeds]
    ours, against = (statistics.median(side) for side in zip(*speeds, strict=True))
    return Result(
        *(area, *names, n, round(ours), round(against), "images/s"),
        *(round(statistics.median(ratios), 2), f"{min(ratios):.2f}-{max(ratios):.2f}"),
    )


def _images_per_second(file: str, recipe: MocoParameters, setup: Setup, epochs: int) -> float:
    """Speed of a training in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    environment.pop("GOMP_SPINCOUNT", None)
    if setup.spins:
        environment["GOMP_SPINCOUNT"] = setup.spins
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if setup.neighbor else None
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.benchmarks.threads"),
                *(file, setup.threads, str(setup.cores), str(epochs)),
            ],
            input=recipe.model_dump_json(),
            cwd=PROJECT,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    finally:
        if busy:
            busy.kill()
            busy.wait()
    return float(done.stdout.splitlines()[-1])


def train(file: str, threads: str, cores: int, epochs: int, recipe: dict) -> float:
    """Images/s of all epochs of a training in this process, the choice of threads included."""
    import torch

    from tests.benchmarks import training

    torch.set_num_threads(2 if threads == "auto" else int(threads))
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    # A host takes cores from a virtual machine unseen, so the project must not see it here.
    os.sched_getaffinity = lambda _: allowed
    images = np.load(file)
    parameters = MocoParameters(**recipe)
    compute = parameters.compute.model_copy(
        update={"threads": threads if threads == "auto" else int(threads)}
    )
    batch = min(parameters.batch_size, len(images))
    parameters = parameters.model_copy(update={"batch_size": batch, "compute": compute})
    return epochs * len(images) / sum(training.epoch_seconds(images, parameters, epochs))


if __name__ == "__main__":
    file, threads, cores, epochs = sys.argv[1:]
    print(train(file, threads, int(cores), int(epochs), json.load(sys.stdin)))
