"""``kedro run`` in a process that ends with the process that started it, however that ends.

No run is left behind to hold the lock on a folder that another worker is to go on with.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path

from fashion_mocluster.__main__ import main


def run(options: list[str], project: Path, variables: Mapping[str, str], log: Path) -> None:
    """What the process does: ``kedro run`` with these options; ``log`` gets everything printed."""
    os.setsid()  # Ctrl-C of the terminal goes to the sweep alone
    threading.Thread(target=_end_with_parent, daemon=True).start()
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    os.environ.update(variables)
    os.chdir(project)
    sys.stdout = sys.stderr = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.argv = ["kedro run", *options]
    try:
        main()
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)


def _end_with_parent() -> None:
    """Kill this process and those it started, at once: the next run writes half-done files again."""
    wait([multiprocessing.parent_process().sentinel])
    os.killpg(os.getpid(), signal.SIGKILL)
