"""From uint8 pixels to the input of an encoder."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning.parameters import PreprocessingParameters

# Images that are averaged down at once.
SHRINK_BLOCK = 256


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of all pixels of the training images, on the 0-255 scale."""

    mean: float
    std: float


def shrunk_size(size: tuple[int, int], parameters: PreprocessingParameters) -> tuple[int, int]:
    """Height and width to which :func:`shrink` brings images of a height and width."""
    longest, longer = parameters.image_size, max(size)
    if longest is None or longer <= longest:
        return tuple(size)
    height, width = (max(1, round(side * longest / longer)) for side in size)
    return height, width


def shrink(images: np.ndarray, parameters: PreprocessingParameters) -> np.ndarray:
    """Images uint8 (N, H, W) or (N, H, W, 3), averaged down to ``image_size`` where they are larger.

    Each pixel is the mean of those in its place, rounded. They are read in blocks, so that an array in
    a file needs no memory; smaller images are returned as they are.
    """
    size = shrunk_size(images.shape[1:3], parameters)
    if size == images.shape[1:3]:
        return images
    small = np.empty((len(images), *size, *images.shape[3:]), np.uint8)
    for start in range(0, len(images), SHRINK_BLOCK):
        block = torch.from_numpy(np.array(images[start : start + SHRINK_BLOCK]))
        means = F.adaptive_avg_pool2d(channels_first(block).float(), size).round()
        small[start : start + len(block)] = means.movedim(1, -1).reshape(-1, *small.shape[1:])
    return small


def channels_first(images: Tensor) -> Tensor:
    """(B, H, W) as (B, 1, H, W), (B, H, W, 3) as (B, 3, H, W), not copied."""
    return images.unsqueeze(1) if images.ndim == 3 else images.movedim(-1, 1)


def to_unit_interval(images: Tensor, parameters: PreprocessingParameters) -> Tensor:
    """uint8 (B, H, W) or (B, H, W, 3) to float32 (B, C, H, W) in [0, 1].

    With ``contrast_stretch`` each image's own range is stretched to [0, 1]; a constant image becomes
    black.
    """
    x = channels_first(images).float()
    if parameters.contrast_stretch:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        # The published script rounds down to whole gray levels after stretching.
        x = ((x - low) * (255 / (high - low).clamp_min(1))).floor()
    return x / 255


def normalize(
    x: Tensor, parameters: PreprocessingParameters, statistics: PixelStatistics
) -> Tensor:
    """Center and scale values (B, C, H, W) in [0, 1] as ``parameters.normalize`` says."""
    if parameters.normalize == "standardize":
        # Where all images are one gray, the standard deviation is 0: they are centered only.
        return (x - statistics.mean / 255) / ((statistics.std or 255) / 255)
    if parameters.normalize == "subtract_raw_mean":
        return x - statistics.mean
    return x


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Images (B, C, H, W) on the device, in channels-last layout, with which convolutions are faster."""
    return x.to(device, memory_format=torch.channels_last)
