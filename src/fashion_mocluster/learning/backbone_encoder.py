"""A network that was trained elsewhere, in the place of an encoder trained here.

It has what whitens, stores or applies an :class:`~fashion_mocluster.learning.encoder.Encoder`, so that
they do the same with it; it is not trained.
"""

import torch
from torch import Tensor, nn

from fashion_mocluster.learning.backbone import build_network, last_map, pooled, standardized
from fashion_mocluster.learning.parameters import BackboneParameters


class BackboneEncoder(nn.Module):
    """A network of timm: images in [0, 1], gray or in color, to what its last feature map is pooled to.

    Args:
        image_size: Height and width in pixels of the images, which the network resamples.
        channels: Of these images, 1 or 3.
        network: With its weights; by default one with random weights.
    """

    fixed_size = False

    def __init__(
        self,
        parameters: BackboneParameters,
        image_size: tuple[int, int],
        channels: int = 3,
        network: nn.Module | None = None,
    ):
        super().__init__()
        self.parameters_used = parameters
        self.image_size, self.channels = tuple(image_size), channels
        self.network = build_network(parameters) if network is None else network
        self.input_size = parameters.image_size or self.network.pretrained_cfg["input_size"][-1]
        self.stages = len(self.network.feature_info)
        self.ends_in_map = parameters.pooling == "gem"
        self.representation_dim = (
            self.network.num_features if self.ends_in_map else self.network.head_hidden_size
        )

    def map_shape(self, stage: int) -> tuple[int, int, int]:
        """Channels, height and width of the feature map of a stage (from 1)."""
        info = self.network.feature_info[stage - 1]
        side = -(-self.input_size // info["reduction"])
        return self.network.num_features if self._is_pooled(stage) else info["num_chs"], side, side

    def forward(self, x: Tensor) -> Tensor:
        """Representations (B, representation_dim) of images (B, channels, H, W) in [0, 1]."""
        return pooled(self.network, self._input(x), self.parameters_used.pooling)

    def feature_map(self, x: Tensor, stage: int) -> Tensor:
        """A stage's map (B, C, h, w), see :meth:`map_shape`, of images (B, channels, H, W) in [0, 1]."""
        if self._is_pooled(stage):
            return last_map(self.network, self._input(x))
        (maps,) = self.network.forward_intermediates(
            self._input(x), indices=[stage - 1], stop_early=True, intermediates_only=True
        )
        return maps

    def _is_pooled(self, stage: int) -> bool:
        return self.ends_in_map and stage == self.stages

    def _input(self, x: Tensor) -> Tensor:
        x = x.expand(-1, 3, -1, -1) if self.channels == 1 else x
        x = standardized(x, self.input_size, self.network.pretrained_cfg)
        return x.contiguous(memory_format=torch.channels_last)
