"""The encoder: a CIFAR-style ResNet of any depth and width, with an optional projection head.

He et al., *Deep Residual Learning for Image Recognition*, 2016, section 4.2. Names in the state dict
are those of the thesis's scripts, so that weights made by these load.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning.parameters import EncoderParameters


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution with stride, computed without stride on the pixels that the stride selects.

    With fewer than 16 channels in channels-last layout, oneDNN's strided one writes out of bounds in
    the backward pass (oneDNN issue 6035): wrong gradients, or a crash.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, ceil(H / stride), ceil(W / stride))."""
        vertical, horizontal = self.stride
        return F.conv2d(x[:, :, ::vertical, ::horizontal], self.weight, self.bias)


class Block(nn.Module):
    """Two 3x3 convolutions with BatchNorm; ``residual=False`` leaves the skip connection out."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, residual: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.residual = residual
        self.shortcut = nn.Sequential()
        if residual and (stride != 1 or in_channels != out_channels):
            self.shortcut = nn.Sequential(
                PointwiseConv(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, H/stride, W/stride)."""
        # In place, because no gradient needs the output of BatchNorm: its own needs its input, that
        # of ReLU its output. Writing less memory saves 3 to 8 % of a training step.
        y = F.relu_(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.residual:
            y += self.shortcut(x)
        return F.relu_(y)


class ProjectionHead(nn.Module):
    """The MLP between representation and contrastive loss (Chen et al. 2020, SimCLR)."""

    def __init__(self, in_dim: int, hidden: int, out_dim: int, batchnorm: bool):
        super().__init__()
        norm = [nn.BatchNorm1d(hidden)] if batchnorm else []
        self.mlp = nn.Sequential(
            nn.Linear(in_dim, hidden), *norm, nn.ReLU(), nn.Linear(hidden, out_dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_dim) to (B, out_dim), not normalized."""
        return self.mlp(x)


class Encoder(nn.Module):
    """Images to representations, and representations to the space of the contrastive loss.

    Args:
        image_size: Height and width in pixels; matters only for ``pooling: flatten``.
        channels: Of the images, 1 or 3.
    """

    def __init__(
        self, parameters: EncoderParameters, image_size: tuple[int, int], channels: int = 1
    ):
        super().__init__()
        self.parameters_used = parameters
        self.image_size, self.channels = tuple(image_size), channels
        widths = parameters.widths
        self.conv1 = nn.Conv2d(
            channels, widths[0], 3, min(parameters.stem_stride, 2), padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(widths[0])
        channels = widths[0]
        for stage, (depth, width) in enumerate(zip(parameters.blocks, widths, strict=True), 1):
            blocks = []
            for index in range(depth):
                stride = 2 if stage > 1 and index == 0 else 1
                blocks.append(Block(channels, width, stride, parameters.residual))
                channels = width
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.stages = len(widths)

        self.representation_dim = channels
        self.fixed_size = parameters.pooling == "flatten"  # it takes images of image_size only
        if self.fixed_size:
            channels, height, width = self.map_shape(self.stages)
            self.representation_dim = channels * height * width
        if parameters.embedding_dim is not None:
            self.linear = nn.Linear(self.representation_dim, parameters.embedding_dim)
            self.representation_dim = parameters.embedding_dim
        if parameters.projection_dim is not None:
            self.projector = ProjectionHead(
                self.representation_dim,
                parameters.projection_hidden,
                parameters.projection_dim,
                parameters.projection_batchnorm,
            )
        self.contrast_dim = parameters.projection_dim or self.representation_dim

    def backbone_parameters(self) -> list[nn.Parameter]:
        """All parameters but those of the projection head, which no clustering sees."""
        return [p for name, p in self.named_parameters() if not name.startswith("projector.")]

    def map_shape(self, stage: int) -> tuple[int, int, int]:
        """Channels, height and width of the feature map of a stage (from 1)."""
        height, width = map_size(self.image_size, self.parameters_used.stem_stride, stage)
        return self.parameters_used.widths[stage - 1], height, width

    def forward(self, x: Tensor) -> Tensor:
        """Representations (B, representation_dim) of images (B, channels, H, W).

        These are clustered. With ``normalize_embedding`` they have unit length.
        """
        x = self.feature_map(x, self.stages)
        x = x.mean(dim=(2, 3)) if self.parameters_used.pooling == "average" else x.flatten(1)
        if self.parameters_used.embedding_dim is not None:
            x = self.linear(x)
        return F.normalize(x, dim=1) if self.parameters_used.normalize_embedding else x

    def feature_map(self, x: Tensor, stage: int) -> Tensor:
        """The map (B, C, h, w) of a stage, see :meth:`map_shape`, of images (B, channels, H, W)."""
        x = F.relu_(self.bn1(self.conv1(x)))
        if self.parameters_used.stem_stride == 4:
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        for number in range(1, stage + 1):
            x = getattr(self, f"layer{number}")(x)
        return x

    def project(self, x: Tensor) -> Tensor:
        """Unit vectors (B, contrast_dim), float32, of images (B, channels, H, W)."""
        return self.head(self(x))

    def head(self, z: Tensor) -> Tensor:
        """Unit vectors (B, contrast_dim), float32, of representations (B, representation_dim)."""
        if self.parameters_used.projection_dim is not None:
            z = self.projector(z)
        return F.normalize(z.float(), dim=1)


def map_size(image_size: tuple[int, int], stem_stride: int, stage: int) -> tuple[int, int]:
    """Height and width of the feature map of a stage (from 1)."""
    height, width = image_size
    stem = [2, 2] if stem_stride == 4 else [stem_stride]
    for stride in stem + [2] * (stage - 1):
        height, width = (height - 1) // stride + 1, (width - 1) // stride + 1
    return height, width


def build_encoder(
    parameters: EncoderParameters, image_size: tuple[int, int], seed: int, channels: int = 1
) -> Encoder:
    """An encoder with random weights that depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(parameters, image_size, channels)
        for module in encoder.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return encoder
