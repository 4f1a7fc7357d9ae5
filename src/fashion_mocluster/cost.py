"""Time and memory of a call."""

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psutil

T = TypeVar("T")
INTERVAL_S = 0.005


@dataclass(frozen=True)
class Cost:
    """Wall time in seconds; the most memory that the process grew by meanwhile, in MB."""

    time_s: float
    memory_mb: float

    def __add__(self, other: "Cost") -> "Cost":
        """One call after the other."""
        return Cost(self.time_s + other.time_s, max(self.memory_mb, other.memory_mb))


def resident_bytes() -> int:
    """Memory that the process holds, native buffers included, once what was freed is given back."""
    _return_freed_memory()
    return psutil.Process().memory_info().rss


def measure(call: Callable[[], T], before: int | None = None) -> tuple[T, Cost]:
    """The result of ``call`` and what it cost.

    Args:
        before: The resident bytes from which growth is counted; by default those right before the
            call.
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


def _return_freed_memory() -> None:
    """Give back to the system what was freed before, lest the call be served from it unseen."""
    gc.collect()
    # glibc alone keeps freed memory and has a call to return it.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
