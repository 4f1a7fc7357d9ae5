"""The device to compute on and the precision to compute in."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from fashion_mocluster.cost import Cost, measure
from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import ComputeParameters

T = TypeVar("T")
# Images in the pieces of work by which the number of threads is chosen.
TRIAL_BATCH_SIZE = 32


def pick_device(parameters: ComputeParameters) -> torch.device:
    """The named device, or the best one of this machine: CUDA, then MPS, then CPU.

    Raises:
        InputError: The named device is not on this machine.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = ["cuda"] * (count > 0) + [f"cuda:{i}" for i in range(count)]
    available += ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    device = available[0] if parameters.device == "auto" else parameters.device
    if device not in available:
        raise InputError(
            f"compute.device is {device!r}, which this machine lacks; use 'auto' or one of {available}"
        )
    return torch.device(device)


def pick_precision(parameters: ComputeParameters, device: torch.device) -> torch.dtype:
    """The named precision, or for ``auto`` bfloat16 where the processor computes with it.

    Of CPUs those with AMX do, and AMD's with AVX-512: Intel's without AMX are slower with bfloat16.
    """
    if parameters.precision != "auto":
        return getattr(torch, parameters.precision)
    if device.type == "cuda":
        pays = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        can = torch.cpu.get_capabilities()
        avx512 = can.get("avx512_bf16") and "AMD" in can.get("cpu_name", "")
        pays = device.type == "cpu" and (can.get("amx_bf16") or avx512)
    return torch.bfloat16 if pays else torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """``float32`` or ``bfloat16``, as parameters name it."""
    return str(dtype).removeprefix("torch.")


def autocast(device: torch.device, precision: torch.dtype):
    """The context in which convolutions and products run; losses stay in float32."""
    if precision == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device.type, precision)


def measure_on(
    device: torch.device, call: Callable[[], T], before: int | None = None
) -> tuple[T, Cost]:
    """The result of ``call`` and its cost; on a GPU the memory is the peak of its allocator."""
    if device.type != "cuda":
        return measure(call, before)
    torch.cuda.reset_peak_memory_stats(device)
    result, cost = measure(call, before)
    return result, replace(cost, memory_mb=torch.cuda.max_memory_allocated(device) / 1e6)
