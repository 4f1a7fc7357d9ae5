"""The memory of the process, kept and returned where the C library lets a program say so."""

import ctypes
import gc
import sys

# The numbers of two settings in glibc's malloc.h, and the size of blocks that are kept.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Keep freed blocks for the next ones of their size, for the rest of the process.

    Otherwise glibc gives large blocks back to the system, which fills each new one with zeros, page by
    page: with tensors of some 100 MB that took more than a third of the time of a network, with those of
    the default training 3 % of a step.
    """
    if mallopt := _of_c_library("mallopt"):
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def return_freed_memory() -> None:
    """Give freed memory back to the system.

    The oldest objects, imported modules above all, are not searched for garbage: that takes 0.2 s.
    """
    gc.collect(1)
    if malloc_trim := _of_c_library("malloc_trim"):
        malloc_trim(0)


def _of_c_library(function: str):
    """A function of the C library, or None: only glibc has those above."""
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
