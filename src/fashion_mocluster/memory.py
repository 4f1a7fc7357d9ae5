"""The memory of the process, kept and returned where the C library lets a program say so."""

import ctypes
import gc
import sys

# The numbers of two settings in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory(largest: int = 2**27) -> None:
    """Keep freed blocks of up to ``largest`` bytes for the next ones of their size, for the rest of the
    process. By default larger ones, as a finetuning of many images has, are still given back.

    Otherwise glibc gives large blocks back to the system, which fills each new one with zeros, page by
    page: with tensors of some 100 MB that took more than a third of the time of a network, with those of
    the default training 3 % of a step.
    """
    if mallopt := _of_c_library("mallopt"):
        mallopt(M_MMAP_THRESHOLD, largest)
        mallopt(M_TRIM_THRESHOLD, largest)


def return_freed_memory() -> None:
    """Give freed memory back to the system, also what pyarrow has freed, which keeps as much as it read.

    The oldest objects, imported modules above all, are not searched for garbage: that takes 0.2 s.
    """
    gc.collect(1)
    if pyarrow := sys.modules.get("pyarrow"):
        pyarrow.default_memory_pool().release_unused()
    if malloc_trim := _of_c_library("malloc_trim"):
        malloc_trim(0)


def _of_c_library(function: str):
    """A function of the C library, or None: only glibc has those above."""
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
