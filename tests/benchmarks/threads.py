"""Training with one and two threads, where two pay and where they cost.

Two threads that share one core wait for each other: an otherwise idle virtual machine whose host is
busy made 506 images/s with one thread and 16 with two. Confining a process to one core makes the
case. Every measurement is a process of its own, for threads and their waiting are set up once; the
two sides of a comparison alternate.

``python -m tests.benchmarks.threads FILE RECIPE`` trains on the images of FILE as each line
of its input says and prints images/s. Each training is a fork of this process, in which everything is
imported, which takes seconds, but no thread has begun yet.
"""

import contextlib
import importlib
import json
import multiprocessing
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
# Two threads that share a core may take thirty times as long as one.
MOST_ROUNDS = 3


@dataclass(frozen=True)
class Setup:
    """How a process trains.

    Attributes:
        threads: Number of threads, or ``auto`` for the project's choice.
        cores: How many cores it may use.
        spins: GOMP_SPINCOUNT, how long a waiting thread stays on its core; None is the default.
        neighbor: Whether another process keeps a core busy meanwhile.
        brief: Whether one epoch is enough, as it takes long.
    """

    threads: str
    cores: int = 2
    spins: str | None = SPINS
    neighbor: bool = False
    brief: bool = False


SHARED, TWO_CORES, BUSY = "two threads share a core", "two cores", "two cores, one busy"
# Where it is measured, then both sides, each with its name in the table.
PAIRS = (
    # Must reach 0.6.
    (SHARED, ("auto", Setup("auto", cores=1)), ("one", Setup("1", cores=1))),
    (SHARED, ("two", Setup("2", cores=1, brief=True)), ("one", Setup("1", cores=1))),
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
    # A setup that is in several pairs is measured once a round.
    setups = dict.fromkeys(setup for _, *sides in PAIRS for _, setup in sides)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file, contextlib.ExitStack() as stack:
        np.save(file.name, images)
        arguments = file.name, recipe.model_dump_json()
        trainers = {
            spins: stack.enter_context(_trainer(spins, arguments))
            for spins in {setup.spins for setup in setups}
        }
        rounds = [
            {
                setup: _images_per_second(
                    trainers[setup.spins], setup, 1 if setup.brief else size.epochs
                )
                for setup in setups
            }
            for _ in range(min(size.rounds, MOST_ROUNDS))
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


@contextlib.contextmanager
def _trainer(spins: str | None, arguments: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """The process that forks; libgomp reads from its environment how long its threads wait."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    environment.pop("GOMP_SPINCOUNT", None)
    if spins:
        environment["GOMP_SPINCOUNT"] = spins
    with subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.threads", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env=environment,
        text=True,
    ) as process:
        process.stdout.readline()  # it is ready, and keeps no core busy any more
        yield process


def _images_per_second(trainer: subprocess.Popen[str], setup: Setup, epochs: int) -> float:
    """Speed of a training in a process of its own."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if setup.neighbor else None
    try:
        print(setup.threads, setup.cores, epochs, file=trainer.stdin, flush=True)
        return float(trainer.stdout.readline())
    finally:
        if busy:
            busy.kill()
            busy.wait()


def train(
    images: np.ndarray, recipe: MocoParameters, epochs: int, threads: str, cores: int
) -> None:
    """Print images/s of all epochs of a training in this process, the choice of threads included."""
    import torch

    from tests.benchmarks import training

    torch.set_num_threads(2 if threads == "auto" else int(threads))
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    # A host takes cores from a virtual machine unseen, so the project must not see it here.
    os.sched_getaffinity = lambda _: allowed
    number = threads if threads == "auto" else int(threads)
    compute = recipe.compute.model_copy(update={"device": "cpu", "threads": number})
    batch = min(recipe.batch_size, len(images))
    recipe = recipe.model_copy(update={"batch_size": batch, "compute": compute})
    seconds = sum(training.epoch_seconds(images, recipe, epochs))
    print(epochs * len(images) / seconds, flush=True)


def main(file: str, recipe: str) -> None:
    """Train once for each line ``<threads> <cores> <epochs>`` of the input."""
    for module in ("tests.benchmarks.training", "torch._dynamo"):  # optimizers import the second
        importlib.import_module(module)
    print("ready", flush=True)
    images, parameters = np.load(file), MocoParameters(**json.loads(recipe))
    for line in sys.stdin:
        threads, cores, epochs = line.split()
        fork = multiprocessing.get_context("fork").Process(
            target=train, args=(images, parameters, int(epochs), threads, int(cores))
        )
        fork.start()
        fork.join()
        if fork.exitcode:
            sys.exit(fork.exitcode)


if __name__ == "__main__":
    main(*sys.argv[1:])
