"""From uint8 pixels to the input of an encoder."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fashion_mocluster.learning.parameters import PreprocessingParameters


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of all pixels of the training images, on the 0-255 scale."""

    mean: float
    std: float


def to_unit_interval(images: Tensor, parameters: PreprocessingParameters) -> Tensor:
    """uint8 (B, H, W) to float32 (B, 1, H, W) in [0, 1].

    With ``contrast_stretch`` each image's own range is stretched to [0, 1]; a constant image becomes
    black.
    """
    x = images.unsqueeze(1).float()
    if parameters.contrast_stretch:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        # The published script rounds down to whole gray levels after stretching.
        x = ((x - low) * (255 / (high - low).clamp_min(1))).floor()
    return x / 255


def normalize(
    x: Tensor, parameters: PreprocessingParameters, statistics: PixelStatistics
) -> Tensor:
    """Center and scale values (B, 1, H, W) in [0, 1] as ``parameters.normalize`` says."""
    if parameters.normalize == "standardize":
        # Where all images are one gray, the standard deviation is 0: they are centered only.
        return (x - statistics.mean / 255) / ((statistics.std or 255) / 255)
    if parameters.normalize == "subtract_raw_mean":
        return x - statistics.mean
    return x


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Images (B, 1, H, W) on the device, in channels-last layout, with which convolutions are faster."""
    return x.to(device, memory_format=torch.channels_last)
