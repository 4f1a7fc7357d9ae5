"""Histograms of oriented gradients (Dalal and Triggs 2005), in the place of a trained encoder.

They say where edges of which direction are, apart from the contrast, and need no training. They have
the interface of :class:`~fashion_mocluster.learning.encoder.Encoder`, so that they are whitened, stored
and applied as its feature maps are.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import HogParameters

# Cells of a block, down and across; neighboring blocks share cells.
BLOCK = 2
# Added to the length of a block by which its histograms are divided, so that noise on empty ground
# stays small.
EPSILON = 0.05


class HogEncoder(nn.Module):
    """Images in [0, 1], gray or in color, to a map of histograms; its only stage. It has no weights.

    Args:
        parameters: Directions and cells.
        image_size: Height and width in pixels of the images.
        channels: Of these images, 1 or 3.

    Raises:
        InputError: The images are smaller than a block.
    """

    stages = 1
    fixed_size = True

    def __init__(self, parameters: HogParameters, image_size: tuple[int, int], channels: int = 1):
        super().__init__()
        self.parameters_used = parameters
        self.image_size, self.channels = tuple(image_size), channels
        if min(image_size) < BLOCK * parameters.cell_size:
            raise InputError(
                f"hog.cell_size is {parameters.cell_size}, and {BLOCK} x {BLOCK} cells need images of "
                f"{BLOCK * parameters.cell_size} pixels, but these have {min(image_size)}; lower it"
            )
        n, height, width = self.map_shape(1)
        self.representation_dim = n * height * width

    def map_shape(self, stage: int) -> tuple[int, int, int]:
        """Channels, blocks down and blocks across of the map."""
        blocks = [size // self.parameters_used.cell_size - BLOCK + 1 for size in self.image_size]
        return BLOCK**2 * self.parameters_used.orientations, *blocks

    def forward(self, x: Tensor) -> Tensor:
        """The flattened map (B, representation_dim) of images (B, channels, H, W)."""
        return self.feature_map(x, 1).flatten(1)

    def feature_map(self, x: Tensor, stage: int) -> Tensor:
        """Histograms float32 (B, C, h, w) of images (B, channels, H, W), see :meth:`map_shape`.

        Each pixel votes with the size of its gradient for the two directions next to that of the
        gradient; the histograms of the cells of a block are divided by their common length.
        """
        p = self.parameters_used
        size, angle = gradients(x.float())
        place = angle * p.orientations
        lower = place.floor()
        upper_share = place - lower
        votes = x.new_zeros(len(x), p.orientations, *x.shape[2:], dtype=torch.float32)
        lower = lower.long() % p.orientations
        votes.scatter_add_(1, lower, size * (1 - upper_share))
        votes.scatter_add_(1, (lower + 1) % p.orientations, size * upper_share)
        # Pixels beyond the last whole cell belong to none.
        cells = F.avg_pool2d(votes, p.cell_size) * p.cell_size**2
        height, width = (n - BLOCK + 1 for n in cells.shape[2:])
        blocks = [
            cells[:, :, down : down + height, across : across + width]
            for down in range(BLOCK)
            for across in range(BLOCK)
        ]
        blocks = torch.cat(blocks, 1)
        return blocks / (blocks.norm(dim=1, keepdim=True) + EPSILON)


def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Size of the gradient and its direction without sign, both (B, 1, H, W), of images (B, C, H, W).

    The direction is in [0, 1], 1 for half a turn. Central differences; 0 at the border, where there
    are none. Of several channels the one with the largest gradient counts.
    """
    across = F.pad(x[..., 2:] - x[..., :-2], (1, 1))
    down = F.pad(x[..., 2:, :] - x[..., :-2, :], (0, 0, 1, 1))
    sizes, largest = torch.hypot(across, down).max(1, keepdim=True)
    angle = torch.atan2(down.gather(1, largest), across.gather(1, largest)) / torch.pi
    return sizes, angle % 1
