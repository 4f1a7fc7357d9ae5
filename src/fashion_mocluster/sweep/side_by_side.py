"""The runs of a sweep side by side: which are tried again, and what is said of them."""

import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters import ParameterError
from fashion_mocluster.sweep.execution import LOG, RunBrokenError, execute
from fashion_mocluster.sweep.finished import is_finished, made_from, mark_finished
from fashion_mocluster.sweep.plan import Run

# A run that was killed, or broke for no known reason, is tried so many times in all.
TRIES = 3
# Seconds between two lines of progress of a run.
SAY_EVERY_S = 10.0
DONE, KEPT, FAILED, STOPPED = "done", "kept", "failed", "stopped"


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        state: ``done``; ``kept``, for an earlier sweep has done it; ``failed``; or ``stopped``, before
            its end or its beginning.
        seconds: From its first start to its end, tries that failed included.
    """

    run: Run
    state: str = STOPPED
    seconds: float = 0.0
    error: str = ""
    begun: float | None = field(default=None, repr=False)


def run_all(
    runs: list[Run],
    project: Path,
    client: Any,
    workers: list[dict[str, str]] | None,
    say: Callable[[str], None],
) -> list[Outcome]:
    """Make all runs that are not finished yet, and say how each ended, in their order.

    After Ctrl-C those that had not ended are ``stopped``. Another cluster's ``workers`` are None.
    """
    from distributed import as_completed

    outcomes = {run.name: Outcome(run) for run in runs}
    topic = f"sweep-{uuid.uuid4()}"

    def hear(event: tuple[float, dict]) -> None:
        outcome, text = outcomes[event[1]["run"]], event[1]["text"]
        outcome.begun = outcome.begun or time.monotonic()
        say(f"{outcome.run.name}: {text}")

    client.subscribe_topic(topic, hear)
    futures = {}
    for run in runs:
        try:
            origin = made_from(run, project)
        except ParameterError as error:
            outcomes[run.name] = Outcome(run, FAILED, 0.0, str(error))
            say(f"{run.name}: failed: {error}")
            continue
        arguments = (run, project, origin, topic, workers)
        futures[
            client.submit(make, *arguments, key=f"{run.name}-{uuid.uuid4()}", retries=TRIES - 1)
        ] = run
    try:
        for future in as_completed(futures):
            outcome = outcomes[futures[future].name]
            outcome.state, outcome.error = _end(future)
            if outcome.begun is not None:
                outcome.seconds = time.monotonic() - outcome.begun
            say(_last_line(outcome, outcomes.values()))
    except KeyboardInterrupt:
        client.cancel(list(futures), force=True)
        say("stopped by Ctrl-C; run the same command again to go on")
    finally:
        client.unsubscribe_topic(topic)
    return list(outcomes.values())


def make(
    run: Run, project: Path, origin: str, topic: str, workers: list[dict[str, str]] | None
) -> str:
    """The task of a worker: one run, unless it is finished already; ``done`` or ``kept``.

    Raises:
        RunBrokenError: It was killed or broke; it may be tried again.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    if is_finished(project / run.folder, origin):
        return KEPT

    def tell(text: str) -> None:
        worker.log_event(topic, {"run": run.name, "text": text})

    def is_stopped() -> bool:
        """Dask forgets a task that nobody waits for any more, but does not interrupt it."""
        task = worker.state.tasks.get(key)
        return task is None or task.state == "cancelled"

    tell("started")
    variables = workers[worker.name] if workers else {}
    log = project / run.folder / LOG
    try:
        execute(run.options, project, log, variables, _Progress(tell), is_stopped)
    except RunBrokenError as error:
        tell(str(error))
        raise
    except FashionMoClusterError as error:
        return f"{FAILED}: {error}"
    mark_finished(project / run.folder, origin)
    return DONE


class _Progress:
    """Passes on a line of a run every few seconds, of those that say how far it is."""

    def __init__(self, tell: Callable[[str], None]):
        self._tell, self._told = tell, 0.0

    def __call__(self, line: str) -> None:
        match = re.fullmatch(r"[\d:]+ +(.*: epoch \d+/\d+.*|Completed \d+ out of \d+ tasks)", line)
        if match and time.monotonic() - self._told > SAY_EVERY_S:
            self._told = time.monotonic()
            self._tell(match[1])


def _end(future: Any) -> tuple[str, str]:
    """State and error of a task that ended."""
    from distributed import KilledWorker

    if future.status == "finished":
        state, _, error = future.result().partition(": ")
        return state, error
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return FAILED, f"its worker was lost {error.allowed_failures + 1} times"
    if isinstance(error, RunBrokenError):
        return FAILED, f"{error}, in the last of {TRIES} tries"
    return FAILED, str(error or "the scheduler lost it")


def _last_line(outcome: Outcome, outcomes: Iterable[Outcome]) -> str:
    """How a run ended, and how many are left."""
    minutes, seconds = divmod(round(outcome.seconds), 60)
    how = {
        DONE: f"done in {minutes}:{seconds:02d}",
        KEPT: "was finished before",
        FAILED: f"failed after {minutes}:{seconds:02d}: {outcome.error}",
    }[outcome.state]
    states = [other.state for other in outcomes]
    counts = ", ".join(
        f"{states.count(state)} {word}"
        for state, word in ((DONE, DONE), (KEPT, KEPT), (FAILED, FAILED), (STOPPED, "to go"))
        if state in states
    )
    return f"{outcome.run.name}: {how} ({counts})"
