"""Where to compute, and in which precision."""

import contextlib

import torch

from fashion_mocluster.learning.parameters import ComputeParameters


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


def bfloat16_pays(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulation is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def autocast(device: torch.device, parameters: ComputeParameters):
    """The context in which convolutions and products run; losses stay in float32."""
    wanted = parameters.precision
    if wanted == "auto":
        wanted = "bfloat16" if bfloat16_pays(device) else "float32"
    if wanted == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
