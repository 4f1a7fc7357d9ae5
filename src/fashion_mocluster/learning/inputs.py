"""From uint8 pixels to network input, in the steps the parameters name."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fashion_mocluster.learning.parameters import InputParameters


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of all pixels of the training images, on the 0-255 scale."""

    mean: float
    std: float


def to_unit_interval(images: Tensor, parameters: InputParameters) -> Tensor:
    """uint8 (B, H, W) to float32 (B, 1, H, W) in [0, 1], stretched per image if asked.

    A constant image has nothing to stretch and becomes black.
    """
    x = images.unsqueeze(1).float()
    if parameters.stretch:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        # The published script rounds down to whole grey levels after stretching.
        x = ((x - low) * (255 / (high - low).clamp_min(1))).floor()
    return x / 255


def normalise(x: Tensor, parameters: InputParameters, statistics: PixelStatistics) -> Tensor:
    """Centre and scale values in [0, 1] as ``parameters.normalisation`` says."""
    if parameters.normalisation == "standardise":
        # Images that are all one grey have no spread; they are centred and left unscaled.
        return (x - statistics.mean / 255) / ((statistics.std or 255) / 255)
    if parameters.normalisation == "subtract_raw_mean":
        return x - statistics.mean
    return x


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Images (B, 1, H, W) on the device, in the memory layout convolutions prefer."""
    return x.to(device, memory_format=torch.channels_last)
