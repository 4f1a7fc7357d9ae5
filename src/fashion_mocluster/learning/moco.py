"""Contrast between a query and a key encoder: by momentum and queue, or end to end."""

import copy
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.parameters import ContrastParameters

NO_IMAGE = -1
# Gradients smaller than this move no float32 weight.
NEGLIGIBLE = 1e-25


def build_contrast(
    encoder: Encoder, parameters: ContrastParameters, seed: int
) -> "MomentumContrast | EndToEndContrast":
    """The mechanism that the parameters name, around a query encoder."""
    if parameters.mechanism == "end_to_end":
        return EndToEndContrast(encoder)
    return MomentumContrast(encoder, parameters, seed)


class MomentumContrast(nn.Module):
    """Query encoder, its slow copy and a queue of keys (He et al. 2020, figure 2c).

    Everything that training changes is in its state dict.

    Args:
        encoder: The query encoder; the key encoder starts as its copy.
        parameters: Length and treatment of the queue.
        seed: Seed of the random unit vectors that fill the queue at the start.

    Attributes:
        queue: float32 (queue_size, contrast_dim), one key a row, a ring buffer.
        queue_images: int64 (queue_size,), the image of each key, -1 at the start.
        pointer: int64 (1,), the row that the next key overwrites; stays on the device.
    """

    trainable_keys = False

    def __init__(self, encoder: Encoder, parameters: ContrastParameters, seed: int):
        super().__init__()
        self.parameters_used = parameters
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(parameters.queue_size, encoder.contrast_dim, generator=generator)
        self.register_buffer("queue", F.normalize(start, dim=1))
        self.register_buffer("queue_images", torch.full((len(start),), NO_IMAGE))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.long))

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """What the optimizer moves."""
        return self.query_encoder.parameters()

    @property
    def recent_keys(self) -> Tensor:
        """Keys (K, contrast_dim) by which the health of the training is judged."""
        return self.queue

    @torch.no_grad()
    def momentum_update(self, momentum: float) -> None:
        """Key <- momentum * key + (1 - momentum) * query (equation 2)."""
        torch._foreach_lerp_(
            list(self.key_encoder.parameters()),
            list(self.query_encoder.parameters()),
            1 - momentum,
        )

    def positives_and_negatives(
        self, keys: Tensor, images: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What the queries of the batch ``images`` int64 (B,) are drawn to and pushed from:
        positives (B, contrast_dim), negatives (K, contrast_dim), and which of these do not count for
        which query, bool (B, K) or None.
        """
        p, queue = self.parameters_used, self.queue
        if p.queue_normalization == "dimension":
            # The published script normalizes every dimension over the queue instead of every key.
            queue = F.normalize(queue, dim=0)
        excluded = images[:, None] == self.queue_images if p.own_keys == "masked" else None
        if p.positive == "nearest_neighbor":
            keys, excluded = nearest_neighbor_keys(keys, queue, excluded)
        return keys, queue, excluded

    @torch.no_grad()
    def enqueue(self, keys: Tensor, images: Tensor) -> None:
        """Write ``keys`` (B, contrast_dim) of ``images`` (B,) over the oldest rows; of a batch larger
        than the queue only the newest keys stay.
        """
        size = len(self.queue)
        keys, images = keys[-size:], images[-size:]
        rows = (self.pointer + torch.arange(len(keys), device=keys.device)) % size
        self.queue.index_copy_(0, rows, keys.to(self.queue.dtype))
        self.queue_images.index_copy_(0, rows, images)
        self.pointer.add_(len(keys)).remainder_(size)


class EndToEndContrast(nn.Module):
    """Two encoders, both trained by backpropagation, with negatives from the batch (He et al. 2020,
    figure 2a; table 1d of the thesis).

    Args:
        encoder: The query encoder; the key encoder starts as its copy.
    """

    trainable_keys = True

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.query_encoder = encoder
        self.key_encoder = copy.deepcopy(encoder)
        self.recent_keys = torch.empty(0, encoder.contrast_dim)

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        """What the optimizer moves."""
        return self.parameters()

    def momentum_update(self, momentum: float) -> None:
        """Nothing follows anything here."""

    def positives_and_negatives(
        self, keys: Tensor, images: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As :meth:`MomentumContrast.positives_and_negatives`; negatives are the keys of the batch's other images."""
        return keys, keys, images[:, None] == images

    def enqueue(self, keys: Tensor, images: Tensor) -> None:
        """Keep the batch's keys, by which the health of the training is judged."""
        self.recent_keys = keys.detach()


def nearest_neighbor_keys(
    keys: Tensor, queue: Tensor, excluded: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Positives of other images: of each key the most similar one in the queue (Dwibedi et al. 2021,
    equation 2).

    Args:
        keys: Unit vectors (B, D).
        queue: Unit vectors (K, D).
        excluded: bool (B, K), rows of the queue that may not be taken.

    Returns:
        The positives (B, D), and ``excluded`` with them, for what is a positive is no negative.
    """
    similarity = keys @ queue.T
    if excluded is not None:
        similarity = similarity.masked_fill(excluded, -torch.inf)
    nearest = similarity.argmax(1)
    taken = F.one_hot(nearest, len(queue)).bool()
    return queue[nearest], taken if excluded is None else taken | excluded


def info_nce(
    query: Tensor,
    key: Tensor,
    negatives: Tensor,
    temperature: float,
    excluded: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """InfoNCE (van den Oord et al. 2018; He et al. 2020, equation 1).

    Args:
        query, key: Unit vectors (B, D), row i of ``key`` the positive of row i of ``query``.
        negatives: Keys of other images, (K, D).
        temperature: Softmax temperature.
        excluded: bool (B, K), negatives that do not count for a query.

    Returns:
        The mean loss and the mean cosine similarity of the positives, both 0-d.
    """
    positive = (query * key).sum(1)
    negative = (query @ negatives.T) / temperature
    if excluded is not None:
        negative = negative.masked_fill(excluded, -torch.inf)
    # -log(e^p / (e^p + sum e^n)), without the (B, 1 + K) copy that a cross entropy needs.
    p = positive / temperature
    return (torch.logaddexp(p, negative.logsumexp(1)) - p).mean(), positive.detach().mean()


def flush_denormal_gradients(x: Tensor) -> Tensor:
    """``x`` itself; from now on the entries of its gradient that are negligible become 0.

    At a low temperature the softmax saturates and its gradient sinks into the denormal numbers, with
    which processors compute the whole backward pass hundreds of times slower.
    """
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient.masked_fill(gradient.abs() < NEGLIGIBLE, 0))
    return x
