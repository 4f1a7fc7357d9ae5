"""One run of a sweep, in a process of its own: a kill takes nothing else down, its memory is freed."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from multiprocessing.connection import wait
from pathlib import Path

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.sweep import child

LOG = "sweep.log"
# Seconds between two looks at what a run has printed and at whether the sweep was stopped.
LOOK_EVERY_S = 0.5
# Runs are forks of a process without threads, which has imported what they need. Libraries of macOS
# cannot be forked.
CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
CONTEXT.set_forkserver_preload(["fashion_mocluster.sweep.preload"])
# Two threads must not ask at once how a process ended: its status can be read only once.
STATUS = threading.Lock()


class RunFailedError(FashionMoClusterError, RuntimeError):
    """A run ended with an error that another try will not mend."""


class RunBrokenError(RunFailedError):
    """A run was killed, or ended with an error that nobody foresaw."""


class SweepStoppedError(FashionMoClusterError, RuntimeError):
    """The sweep was stopped meanwhile."""


def execute(
    options: list[str],
    project: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Run pipelines and wait for the end.

    Args:
        options: Those of ``kedro run``.
        log: A file that gets everything printed.
        is_stopped: Whether the process is to be killed.

    Raises:
        RunFailedError: The run failed; the message is that of its error.
        SweepStoppedError: It was killed because the sweep was stopped.
    """
    if multiprocessing.current_process().daemon:
        raise RunFailedError("start Dask's workers with --no-nanny: others may start no processes")
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = (options, project, environment or {}, log)
    process = CONTEXT.Process(target=child.run, args=arguments, name=options[-1])
    is_running, was_stopped, begun = True, False, b""
    with open(log, "w+b") as output:
        with STATUS:
            process.start()
        while is_running:
            is_running = not wait([process.sentinel], LOOK_EVERY_S)
            *lines, begun = (begun + output.read()).split(b"\n")  # the last line may go on
            for line in lines:
                on_line(line.decode(errors="replace").rstrip())
            if is_running and is_stopped():
                was_stopped = True
                with contextlib.suppress(ProcessLookupError):  # it has no session of its own yet
                    os.killpg(process.pid, signal.SIGKILL)
    with STATUS:
        process.join()
    if was_stopped:
        raise SweepStoppedError("stopped before its end")
    if process.exitcode < 0:
        raise RunBrokenError(f"killed by {signal.Signals(-process.exitcode).name}")
    if process.exitcode > 0:
        raise _error(log.read_text(errors="replace"))


def _error(printed: str) -> RunFailedError:
    """What the last lines say: a message on purpose after an empty line, or a traceback."""
    text = printed.strip()
    if "Traceback (most recent call last)" in text:
        return RunBrokenError(text.rpartition("\n")[2])
    message = text.rpartition("\n\n")[2]
    # Of a training in several processes one was killed.
    lost = message.startswith("ProcessLostError")
    return RunBrokenError(message) if lost else RunFailedError(message)
