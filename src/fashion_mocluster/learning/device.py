"""Where to compute, and in which precision."""

import contextlib
import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from fashion_mocluster.cost import Cost, measure
from fashion_mocluster.learning.parameters import ComputeParameters

T = TypeVar("T")


def pick_device(parameters: ComputeParameters) -> torch.device:
    """The named device, or the best one of this machine: CUDA, then MPS, then CPU.

    Raises:
        ValueError: The named device is not on this machine.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if parameters.device == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[parameters.device]:
        raise ValueError(
            f"compute.device is {parameters.device!r}, which this machine lacks; "
            f"use 'auto' or one of {[name for name, there in available.items() if there]}"
        )
    return torch.device(parameters.device)


def pick_precision(parameters: ComputeParameters, device: torch.device) -> torch.dtype:
    """The named precision, or for ``auto`` bfloat16 where this machine is faster with it.

    CPUs that know bfloat16 instructions differ: some double their speed with them, some halve it.
    So a CPU is asked once, by a matrix product in both.
    """
    if parameters.precision != "auto":
        return getattr(torch, parameters.precision)
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        pays = device.type == "cpu" and _bfloat16_speedup() > 1.2
    return torch.bfloat16 if pays else torch.float32


@functools.cache
def _bfloat16_speedup() -> float:
    """Time of a float32 matrix product over that of a bfloat16 one, best of five each."""
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return 0.0
    best = {}
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.ones(1024, 1024, dtype=dtype)
        times = []
        for _ in range(6):  # the first one only warms up
            begun = time.perf_counter()
            x @ x
            times.append(time.perf_counter() - begun)
        best[dtype] = min(times[1:])
    return best[torch.float32] / best[torch.bfloat16]


def autocast(device: torch.device, precision: torch.dtype):
    """The context in which convolutions and products run; losses stay in float32."""
    if precision == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, precision)


def measure_on(
    device: torch.device, call: Callable[[], T], before: int | None = None
) -> tuple[T, Cost]:
    """The result of ``call`` and its cost; on a GPU the memory is the peak of its allocator.

    Args:
        before: As in :func:`measure`.
    """
    if device.type != "cuda":
        return measure(call, before)
    torch.cuda.reset_peak_memory_stats(device)
    result, cost = measure(call, before)
    return result, replace(cost, memory_mb=torch.cuda.max_memory_allocated(device) / 1e6)
