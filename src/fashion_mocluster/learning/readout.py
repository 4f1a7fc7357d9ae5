"""What is read out of an encoder's feature maps in place of their average.

Pooling throws away where in the image a feature is. A readout keeps a stage's map whole, or in
``grid`` x ``grid`` places where it is larger, and takes a linear function of it.
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
        grid: The map is averaged to this many places at most, down and across.
        mirror: Whether maps are of images and their mirror images.
        mean: float32 (D,), what is subtracted from a map as :func:`map_of` makes it.
        matrix: float32 (D, E), applied to the difference.
    """

    stage: int
    grid: int
    mirror: bool
    mean: Tensor
    matrix: Tensor

    def __call__(self, encoder: Encoder, x: Tensor) -> Tensor:
        """Unit vectors float32 (B, E) of images (B, 1, H, W)."""
        z = map_of(encoder, x, self.stage, self.grid, self.mirror)
        # Whitening blows up what differs little, and with it the errors of a coarser precision.
        with torch.autocast(z.device.type, enabled=False):
            z = (z - self.mean.to(z.device)) @ self.matrix.to(z.device)
        return F.normalize(z, dim=1)

    def to_dict(self) -> dict:
        """Tensors and plain values only."""
        return {
            "stage": self.stage,
            "grid": self.grid,
            "mirror": self.mirror,
            "mean": self.mean,
            "matrix": self.matrix,
        }

    def problems(self, encoder: Encoder) -> list[str]:
        """What does not fit the encoder, in words; nothing if all does."""
        if type(self.stage) is not int or not 1 <= self.stage <= encoder.stages:
            return [f"readout.stage is {self.stage!r}, the encoder has {encoder.stages} stages"]
        if type(self.grid) is not int or self.grid < 1:
            return [f"readout.grid is {self.grid!r}, expected a number of places"]
        if type(self.mirror) is not bool:
            return [f"readout.mirror is {self.mirror!r}, expected true or false"]
        for name in ("mean", "matrix"):
            tensor = getattr(self, name)
            if not isinstance(tensor, Tensor) or tensor.dtype != torch.float32:
                return [f"readout.{name} is no float32 tensor"]
            if not tensor.isfinite().all():
                return [f"readout.{name} holds NaN or infinite values"]
        channels, height, width = encoder.map_shape(self.stage)
        inputs = channels * min(height, self.grid) * min(width, self.grid)
        if tuple(self.mean.shape) != (inputs,):
            return [f"readout.mean has shape {tuple(self.mean.shape)}, expected {(inputs,)}"]
        shape = tuple(self.matrix.shape)
        if len(shape) != 2 or shape[0] != inputs or shape[1] < 1:
            return [f"readout.matrix has shape {shape}, expected ({inputs}, 1 or more)"]
        return []


def map_of(encoder: Encoder, x: Tensor, stage: int, grid: int, mirror: bool) -> Tensor:
    """Unit vectors float32 (B, D): the map of a stage, flattened; D = channels * places.

    With ``mirror`` the map of the mirror image, mirrored back, is added to that of the image.
    """
    z = _flat(encoder.feature_map(x, stage), grid)
    if mirror:
        z = F.normalize(z + _flat(encoder.feature_map(x.flip(-1), stage).flip(-1), grid), dim=1)
    return z


def _flat(maps: Tensor, grid: int) -> Tensor:
    places = [min(size, grid) for size in maps.shape[-2:]]
    return F.normalize(F.adaptive_avg_pool2d(maps.float(), places).flatten(1), dim=1)
