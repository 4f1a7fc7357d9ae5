"""Wall time and memory of a call.

Nodes measure themselves. A Kedro hook around a node would count what is imported and tabulated in it
too (3.8 s of a training of 0.3 s), know neither the peak of a GPU nor what was taken from the cache,
and could not hand on the cost: Kedro only orders what a node returns.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

from fashion_mocluster.memory import return_freed_memory

T = TypeVar("T")
INTERVAL_S = 0.005


@dataclass(frozen=True)
class Cost:
    """Wall time in seconds, and by how many MB the process grew at most."""

    time_s: float
    memory_mb: float


def resident_bytes() -> int:
    """Resident memory of the process in bytes, after freed memory has been returned to the system.

    Otherwise a call could reuse memory that was freed before, and its use would not be seen.
    """
    return_freed_memory()
    return psutil.Process().memory_info().rss


def measure(call: Callable[[], T], before: int | None = None) -> tuple[T, Cost]:
    """The result of ``call`` and what it cost.

    Args:
        before: Resident bytes from which growth is counted; by default those before the call.
    """
    before = resident_bytes() if before is None else before
    process = psutil.Process()
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(INTERVAL_S):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    begun = time.perf_counter()
    try:
        result = call()
        elapsed = time.perf_counter() - begun
        peak = max(peak, process.memory_info().rss)
    finally:
        done.set()
        watcher.join()
    return result, Cost(elapsed, (peak - before) / 1e6)
