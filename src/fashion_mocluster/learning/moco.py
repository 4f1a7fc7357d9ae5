"""Momentum contrast: a query encoder, its slow copy and a queue of keys (He et al. 2020)."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning.encoder import Encoder


class MomentumContrast(nn.Module):
    """Query encoder, key encoder and queue; everything that training changes is in its state dict.

    Args:
        encoder: The query encoder; the key encoder starts as its copy.
        queue_size: Number of past keys that serve as negatives.
        seed: Seed of the random unit vectors that fill the queue at the start.

    Attributes:
        queue: float32 (queue_size, contrast_dim), one key a row, a ring buffer.
        pointer: int64 (1,), the row that the next key overwrites; stays on the device.
    """

    def __init__(self, encoder: Encoder, queue_size: int, seed: int):
        super().__init__()
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(queue_size, encoder.contrast_dim, generator=generator)
        self.register_buffer("queue", F.normalize(start, dim=1))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.long))

    @torch.no_grad()
    def update_key_encoder(self, momentum: float) -> None:
        """Key <- momentum * key + (1 - momentum) * query (equation 2)."""
        torch._foreach_lerp_(
            list(self.key_encoder.parameters()),
            list(self.query_encoder.parameters()),
            1 - momentum,
        )

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Write ``keys`` (B, contrast_dim) over the oldest rows; of a batch larger than the queue
        only the newest keys stay.
        """
        size = len(self.queue)
        keys = keys[-size:]
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % size
        self.queue.index_copy_(0, rows, keys.to(self.queue.dtype))
        self.pointer.add_(len(keys)).remainder_(size)


def info_nce(
    query: Tensor, key: Tensor, negatives: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """InfoNCE (van den Oord et al. 2018; He et al. 2020, equation 1).

    Args:
        query, key: Unit vectors (B, D) of the two views, row i of both from image i.
        negatives: Keys of other images, (K, D).
        temperature: Softmax temperature.

    Returns:
        The mean loss and the mean cosine similarity of the positives, both 0-d.
    """
    positive = (query * key).sum(1)
    negative = (query @ negatives.T) / temperature
    # -log(e^p / (e^p + sum e^n)), without the (B, 1 + K) copy that a cross entropy needs.
    p = positive / temperature
    return (torch.logaddexp(p, negative.logsumexp(1)) - p).mean(), positive.detach().mean()
