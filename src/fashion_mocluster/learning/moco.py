"""Contrast between a query and a key encoder: by momentum and queue, or end to end."""

import copy
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.parameters import MomentumQueueParameters, QuirkParameters

NO_IMAGE = -1
# Gradients smaller than this move no float32 weight.
NEGLIGIBLE = 1e-25


class MomentumContrast(nn.Module):
    """Query encoder, its slow copy and a queue of keys (He et al. 2020, figure 2c).

    Everything that training changes is in its state dict.

    Args:
        encoder: The query encoder; the key encoder starts as its copy.
        seed: Seed of the random unit vectors that fill the queue at the start.

    Attributes:
        queue: float32 (queue_size, contrast_dim), a ring buffer of keys.
        queue_images: int64 (queue_size,), the image of each key, -1 at the start.
        pointer: int64 (1,), place of the key that is overwritten next; stays on the device.
    """

    trainable_keys = False

    def __init__(
        self,
        encoder: Encoder,
        parameters: MomentumQueueParameters,
        seed: int,
        quirks: QuirkParameters | None = None,
    ):
        super().__init__()
        self.parameters_used, self.quirks = parameters, quirks or QuirkParameters()
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
        """Keys (K, contrast_dim) in which a collapse would show."""
        return self.queue

    @torch.no_grad()
    def momentum_update(self, momentum: float) -> None:
        """Key <- momentum * key + (1 - momentum) * query (equation 2)."""
        torch._foreach_lerp_(
            list(self.key_encoder.parameters()), list(self.query_encoder.parameters()), 1 - momentum
        )

    def positives_and_negatives(
        self, keys: Tensor, images: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What each query of a batch is compared with.

        Args:
            keys: Unit vectors (B, contrast_dim) of the other views.
            images: int64 (B,), the images of the batch.

        Returns:
            Positives (B, contrast_dim); negatives (K, contrast_dim); and which negatives do not count
            for which query, bool (B, K) or None: earlier keys of its own image, and its positive.
        """
        queue, excluded = self.queue, images[:, None] == self.queue_images
        if self.quirks.normalize_queue_over_samples:
            queue = F.normalize(queue, dim=0)
        if self.quirks.keep_false_negatives:
            excluded = None
        if self.parameters_used.positive == "nearest_neighbor":
            keys, excluded = nearest_neighbor_keys(keys, queue, excluded)
        return keys, queue, excluded

    @torch.no_grad()
    def enqueue(self, keys: Tensor, images: Tensor) -> None:
        """Overwrite the oldest keys by ``keys`` (B, contrast_dim) of ``images`` int64 (B,).

        Of a batch larger than the queue only the newest keys stay.
        """
        size = len(self.queue)
        keys, images = keys[-size:], images[-size:]
        places = (self.pointer + torch.arange(len(keys), device=keys.device)) % size
        self.queue.index_copy_(0, places, keys.to(self.queue.dtype))
        self.queue_images.index_copy_(0, places, images)
        self.pointer.add_(len(keys)).remainder_(size)


class EndToEndContrast(nn.Module):
    """Two encoders, both trained by backpropagation, with negatives from the batch (He et al. 2020,
    figure 2a; table 1d of the thesis).
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
        """No-op: both encoders are trained."""

    def positives_and_negatives(
        self, keys: Tensor, images: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As in :class:`MomentumContrast`; negatives are the keys of the batch's other images."""
        return keys, keys, images[:, None] == images

    def enqueue(self, keys: Tensor, images: Tensor) -> None:
        """Remember the batch's keys, in which a collapse would show."""
        self.recent_keys = keys.detach()


def nearest_neighbor_keys(
    keys: Tensor, queue: Tensor, excluded: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Positives from other images: of unit vectors ``keys`` (B, D) each one's most similar in ``queue``
    (K, D) that is not ``excluded``, bool (B, K) (Dwibedi et al. 2021, NNCLR, equation 2).

    Returns:
        The positives (B, D), and ``excluded`` with the positives added: they are no negatives.
    """
    similarity = keys @ queue.T
    if excluded is not None:
        similarity.masked_fill_(excluded, -torch.inf)
    nearest = similarity.argmax(1)
    if excluded is None:
        excluded = torch.zeros_like(similarity, dtype=torch.bool)
    return queue[nearest], excluded.scatter(1, nearest[:, None], True)


def info_nce(
    query: Tensor,
    key: Tensor,
    negatives: Tensor,
    temperature: float,
    excluded: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """InfoNCE (van den Oord et al. 2018; He et al. 2020, equation 1): the mean loss, and the mean cosine
    similarity of the positives, both 0-d.

    Args:
        query, key: Unit vectors (B, D); ``key[i]`` is the positive of ``query[i]``.
        negatives: Keys of other images, (K, D).
        excluded: bool (B, K), negatives that do not count for a query.
    """
    positive = (query * key).sum(1)
    negative = (query @ negatives.T) / temperature
    if excluded is not None:
        negative.masked_fill_(excluded, -torch.inf)
    # -log(e^p / (e^p + sum e^n)), without the (B, 1 + K) copy that a cross entropy needs.
    p = positive / temperature
    return (torch.logaddexp(p, negative.logsumexp(1)) - p).mean(), positive.detach().mean()


def flush_denormal_gradients(x: Tensor) -> Tensor:
    """``x`` itself, with a hook that sets negligible entries of its gradient to 0.

    At a low temperature the softmax saturates and its gradient becomes denormal numbers, which make
    the whole backward pass hundreds of times slower on a CPU.
    """
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient.masked_fill(gradient.abs() < NEGLIGIBLE, 0))
    return x
