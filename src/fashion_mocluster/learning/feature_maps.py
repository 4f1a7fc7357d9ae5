"""Representations from an encoder's feature maps without pooling.

Pooling discards where in the image a feature is. A readout keeps a stage's map, averaged to at most
``max_grid_size`` x ``max_grid_size`` places, and applies a linear function to it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning.encoder import Encoder


@dataclass(frozen=True, eq=False)
class Readout:
    """A linear function of one stage's feature map.

    Attributes:
        stage: Stage of the encoder, from 1.
        max_grid_size: The map is averaged to so many places at most, down and across.
        flip_tta: Whether maps of images and their mirror images are averaged.
        mean: float32 (D,), subtracted from a map that :func:`flatten_feature_map` gives.
        matrix: float32 (D, E), applied to the difference.
    """

    stage: int
    max_grid_size: int
    flip_tta: bool
    mean: Tensor
    matrix: Tensor

    def __call__(self, encoder: Encoder, x: Tensor) -> Tensor:
        """Unit vectors float32 (B, E) of images (B, channels, H, W)."""
        return self.apply(
            flatten_feature_map(encoder, x, self.stage, self.max_grid_size, self.flip_tta)
        )

    def apply(self, z: Tensor) -> Tensor:
        """Unit vectors float32 (B, E) of flattened maps (B, D)."""
        # Whitening amplifies small differences, and the rounding errors of bfloat16 with them.
        with torch.autocast(z.device.type, enabled=False):
            z = (z - self.mean.to(z.device)) @ self.matrix.to(z.device)
        return F.normalize(z, dim=1)

    def to_dict(self) -> dict:
        """Tensors and plain values only."""
        return {
            "stage": self.stage,
            "max_grid_size": self.max_grid_size,
            "flip_tta": self.flip_tta,
            "mean": self.mean,
            "matrix": self.matrix,
        }

    def validate(self, encoder: Encoder) -> list[str]:
        """What does not fit the encoder, for messages; empty if all does."""
        if type(self.stage) is not int or not 1 <= self.stage <= encoder.stages:
            return [f"readout.stage is {self.stage!r}, the encoder has {encoder.stages} stages"]
        if type(self.max_grid_size) is not int or self.max_grid_size < 1:
            return [f"readout.max_grid_size is {self.max_grid_size!r}, expected a number of places"]
        if type(self.flip_tta) is not bool:
            return [f"readout.flip_tta is {self.flip_tta!r}, expected true or false"]
        for name in ("mean", "matrix"):
            tensor = getattr(self, name)
            if not isinstance(tensor, Tensor) or tensor.dtype != torch.float32:
                return [f"readout.{name}: expected a float32 tensor"]
            if not tensor.isfinite().all():
                return [f"readout.{name} holds NaN or infinite values"]
        channels, height, width = encoder.map_shape(self.stage)
        inputs = channels * min(height, self.max_grid_size) * min(width, self.max_grid_size)
        if tuple(self.mean.shape) != (inputs,):
            return [f"readout.mean has shape {tuple(self.mean.shape)}, expected {(inputs,)}"]
        shape = tuple(self.matrix.shape)
        if len(shape) != 2 or shape[0] != inputs or shape[1] < 1:
            return [f"readout.matrix has shape {shape}, expected ({inputs}, 1 or more)"]
        return []


def flatten_feature_map(
    encoder: Encoder, x: Tensor, stage: int, max_grid_size: int, flip_tta: bool
) -> Tensor:
    """Unit vectors float32 (B, D), the flattened map of a stage, with D = channels * places.

    With ``flip_tta`` the map of the mirror image, mirrored back, is added to that of the image.
    """
    z = _flat(_places(encoder, x, stage, max_grid_size))
    if flip_tta:
        mirrored = _places(encoder, x.flip(-1), stage, max_grid_size).flip(-1)
        z = F.normalize(z + _flat(mirrored), dim=1)
    return z


def _places(encoder: Encoder, x: Tensor, stage: int, max_grid_size: int) -> Tensor:
    """The map float32 (B, C, h, w) of a stage, averaged to few places."""
    maps = encoder.feature_map(x, stage).float()
    if max(maps.shape[-2:]) <= max_grid_size:
        return maps
    return F.adaptive_avg_pool2d(maps, [min(size, max_grid_size) for size in maps.shape[-2:]])


def _flat(maps: Tensor) -> Tensor:
    return F.normalize(maps.flatten(1), dim=1)
