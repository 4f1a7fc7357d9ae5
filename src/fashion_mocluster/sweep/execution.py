"""One run of a sweep, in a process of its own: a kill takes nothing else down, its memory is freed."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fashion_mocluster.errors import FashionMoClusterError

LOG = "sweep.log"
# Seconds between two looks at whether the sweep was stopped.
LOOK_EVERY_S = 0.5


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
        environment: Variables set for this process alone.
        on_line: Is called with every line, as soon as it is printed.
        is_stopped: Whether the process is to be killed.

    Raises:
        RunFailedError: The run failed; the message is that of its error.
        SweepStoppedError: It was killed because the sweep was stopped.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fashion_mocluster.sweep.child", *options],
        cwd=project,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C of the terminal goes to the sweep alone
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    with process, open(log, "w") as file, _killed_when(is_stopped, process) as stopped:
        for line in process.stdout:
            file.write(line)
            file.flush()
            lines.append(line.rstrip())
            on_line(lines[-1])
    if stopped.is_set():
        raise SweepStoppedError("stopped before its end")
    if process.returncode < 0:
        raise RunBrokenError(f"killed by {signal.Signals(-process.returncode).name}")
    if process.returncode > 0:
        raise _error(lines)


@contextlib.contextmanager
def _killed_when(
    is_stopped: Callable[[], bool], process: subprocess.Popen
) -> Iterator[threading.Event]:
    """Look every now and then whether to kill a process; the event says that it was done."""
    stopped, ended = threading.Event(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_EVERY_S):
            if is_stopped():
                stopped.set()
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield stopped
    finally:
        ended.set()
        watcher.join()


def _error(lines: list[str]) -> RunFailedError:
    """What the last lines say: a message on purpose after an empty line, or a traceback."""
    text = "\n".join(lines).strip()
    if "Traceback (most recent call last)" in text:
        return RunBrokenError(text.rpartition("\n")[2])
    message = text.rpartition("\n\n")[2]
    # Of a training in several processes one was killed.
    lost = message.startswith("ProcessLostError")
    return RunBrokenError(message) if lost else RunFailedError(message)
