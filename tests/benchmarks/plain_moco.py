"""MoCo as the original scripts and as lightly's users write it: what our step is measured against."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter
from torch import Tensor, nn

TEMPERATURE, MOMENTUM, QUEUE, DIM = 0.07, 0.999, 8192, 128


class PlainBlock(nn.Module):
    """Two convolutions and a skip connection."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


def plain_resnet32() -> nn.Module:
    """The thesis's encoder with its projector."""
    head = [nn.Linear(64 * 7 * 7, DIM), nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM)]
    return nn.Sequential(*residual_stages((16, 32, 64), depth=5, stride=1), nn.Flatten(), *head)


def plain_default() -> nn.Module:
    """The default encoder with its projector."""
    pooling = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    head = [nn.Linear(128, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, DIM)]
    return nn.Sequential(*residual_stages((32, 64, 128), depth=2, stride=2), *pooling, *head)


def residual_stages(widths: tuple[int, ...], depth: int, stride: int) -> list[nn.Module]:
    """A convolution with this stride, and stages of ``depth`` blocks."""
    channels = widths[0]
    layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, stride, 1, bias=False)]
    layers += [nn.BatchNorm2d(channels), nn.ReLU()]
    for stage, width in enumerate(widths):
        for index in range(depth):
            layers.append(PlainBlock(channels, width, 2 if stage and index == 0 else 1))
            channels = width
    return layers


def sgd(encoder: nn.Module) -> torch.optim.Optimizer:
    """The thesis's optimizer."""
    return torch.optim.SGD(encoder.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)


class PlainMoco:
    """A step as the original script describes it."""

    def __init__(self, images: np.ndarray, encoder: nn.Module):
        self.images, self.rng = images, np.random.default_rng(0)
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.optimizer = sgd(self.query_encoder)
        self.queue = F.normalize(torch.randn(DIM, QUEUE), dim=0)
        self.pointer = 0

    def step(self) -> None:
        """One step on all images."""
        pairs = [plain_views(image, self.rng) for image in self.images]
        query_view, key_view = (torch.from_numpy(np.stack(v)) for v in zip(*pairs, strict=True))
        with torch.no_grad():
            for q, k in zip(
                self.query_encoder.parameters(), self.key_encoder.parameters(), strict=True
            ):
                k.data = k.data * MOMENTUM + q.data * (1 - MOMENTUM)
            keys = F.normalize(self.key_encoder(key_view), dim=1)
        queries = F.normalize(self.query_encoder(query_view), dim=1)
        positive = torch.einsum("nc,nc->n", queries, keys).unsqueeze(1)
        negative = torch.einsum("nc,ck->nk", queries, self.queue.clone().detach())
        logits = torch.cat([positive, negative], dim=1) / TEMPERATURE
        loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.queue[:, self.pointer : self.pointer + len(keys)] = keys.T
        self.pointer = (self.pointer + len(keys)) % QUEUE
        loss.item()


class LightlyMoco:
    """A step of lightly's momentum utilities, memory bank and loss, with torchvision's views.

    Raises:
        ImportError: lightly is not installed.
    """

    def __init__(self, images: np.ndarray, encoder: nn.Module):
        from lightly.loss import NTXentLoss
        from lightly.models.utils import deactivate_requires_grad, update_momentum
        from torchvision import transforms

        self.update_momentum = update_momentum
        self.pictures = [Image.fromarray(image) for image in images]
        self.view = transforms.Compose(
            [
                transforms.RandomResizedCrop(28, scale=(0.2, 1)),
                transforms.RandomRotation(30),
                transforms.RandomHorizontalFlip(),
                transforms.GaussianBlur(5, (0.1, 2)),
                transforms.ToTensor(),
            ]
        )
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder)
        deactivate_requires_grad(self.key_encoder)
        self.loss = NTXentLoss(TEMPERATURE, memory_bank_size=(QUEUE, DIM))
        self.optimizer = sgd(self.query_encoder)

    def step(self) -> None:
        """One step on all images."""
        query_view, key_view = (
            torch.stack([self.view(picture) for picture in self.pictures]) for _ in range(2)
        )
        self.update_momentum(self.query_encoder, self.key_encoder, m=MOMENTUM)
        with torch.no_grad():
            keys = self.key_encoder(key_view)
        loss = self.loss(self.query_encoder(query_view), keys)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def plain_views(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The thesis's two views of one image, step by step, float32 (1, 28, 28) in [0, 1]."""
    picture = Image.fromarray(image)
    side = np.sqrt(rng.uniform(0.2, 1)) * 28
    ratio = np.sqrt(np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3))))
    width, height = min(28, side * ratio), min(28, side / ratio)
    left, top = rng.uniform(0, 28 - width), rng.uniform(0, 28 - height)
    box = (left, top, left + width, top + height)
    picture = picture.resize((28, 28), Image.Resampling.BILINEAR, box)
    picture = picture.rotate(rng.uniform(-30, 30), Image.Resampling.NEAREST)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2)))
    query = np.clip(np.asarray(blurred) + rng.normal(0, 15, (28, 28)), 0, 255)
    padded = np.pad(np.asarray(picture, float), 1, mode="reflect")
    smooth_y = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_x = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    key = np.hypot(smooth_y[:, 2:] - smooth_y[:, :-2], smooth_x[2:] - smooth_x[:-2]).clip(0, 255)
    return (query[None] / 255).astype(np.float32), (key[None] / 255).astype(np.float32)
