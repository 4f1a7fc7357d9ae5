"""Pretraining against MoCo written plainly (He et al. 2020, algorithm 1), and against mutants."""

import copy
import math
from collections import deque

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Generator

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.moco import MomentumContrast
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from fashion_mocluster.learning.seeding import seeds_for
from fashion_mocluster.learning.views import query_and_key_views
from tests.learning.stores import MemoryStore

STATISTICS = PixelStatistics(127, 70)


@pytest.fixture
def parameters(moco_parameters):
    """Two epochs of four steps; the second cycle of the queue begins in the first epoch."""
    return moco_parameters.model_copy(update={"epochs": 2})


def plain_moco(images, p):
    """Weights of the query encoder and mean loss of each epoch."""
    weights_seed, queue_seed, order_seed, views_seed = seeds_for(p.seed, 4)
    order_generator, views_generator = (
        Generator().manual_seed(s) for s in (order_seed, views_seed)
    )
    query_encoder = build_encoder(p.encoder, images.shape[1:], weights_seed).train()
    key_encoder = copy.deepcopy(query_encoder)
    first_keys = torch.randn(
        p.contrast.queue_size,
        p.encoder.projection_dim,
        generator=Generator().manual_seed(queue_seed),
    )
    queue = deque(zip(F.normalize(first_keys, dim=1), [None] * len(first_keys), strict=True))
    weights = list(query_encoder.parameters())
    velocity = [torch.zeros_like(w) for w in weights]
    steps_per_epoch = len(images) // p.batch_size
    steps, warmup = p.epochs * steps_per_epoch, p.optimizer.warmup_epochs * steps_per_epoch
    losses, step = [], 0
    for epoch in range(p.epochs):
        start, end = p.contrast.temperature_start, p.contrast.temperature_end
        temperature = start * (end / start) ** (epoch / (p.epochs - 1))
        order = torch.randperm(len(images), generator=order_generator)
        for batch in order.split(p.batch_size)[:steps_per_epoch]:
            pixels = torch.from_numpy(images[batch]).unsqueeze(1).float() / 255
            query_view, key_view = (
                (view - 127 / 255) / (70 / 255)
                for view in query_and_key_views(pixels, p.views, views_generator)
            )
            share = (1 + math.cos(math.pi * step / steps)) / 2
            momentum = (
                p.contrast.momentum_end
                - (p.contrast.momentum_end - p.contrast.momentum_start) * share
            )
            with torch.no_grad():
                for key, query in zip(
                    key_encoder.parameters(), query_encoder.parameters(), strict=True
                ):
                    key.copy_(momentum * key + (1 - momentum) * query)
                keys = F.normalize(key_encoder.projector(key_encoder(key_view)), dim=1)
            queries = F.normalize(query_encoder.projector(query_encoder(query_view)), dim=1)
            rows = []
            for query, key, image in zip(queries, keys, batch.tolist(), strict=True):
                others = [old for old, owner in queue if owner != image]
                rows.append(
                    F.pad(
                        torch.stack([key, *others]) @ query,
                        (0, len(queue) - len(others)),
                        value=-math.inf,
                    )
                )
            loss = F.cross_entropy(
                torch.stack(rows) / temperature, torch.zeros(len(rows), dtype=torch.long)
            )
            if step < warmup:
                rate = p.optimizer.learning_rate * (step + 1) / warmup
            else:
                progress = (step - warmup) / (steps - warmup)
                rate = p.optimizer.learning_rate * (1 + math.cos(math.pi * progress)) / 2
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for w, v, g in zip(weights, velocity, gradients, strict=True):
                    v.copy_(p.optimizer.momentum * v + g + p.optimizer.weight_decay * w)
                    w.sub_(rate * v)
            for key, image in zip(keys, batch.tolist(), strict=True):
                queue.popleft()
                queue.append((key, image))
            losses.append(loss.item())
            step += 1
    return query_encoder.state_dict(), np.reshape(losses, (p.epochs, -1)).mean(1)


def assert_is_plain_moco(images, p):
    result = pretrain(images, STATISTICS, p, MemoryStore())
    state, losses = plain_moco(images, p)
    np.testing.assert_allclose([row["loss"] for row in result.history], losses, rtol=1e-5)
    for name, value in state.items():
        torch.testing.assert_close(result.weights.state[name], value, rtol=1e-4, atol=1e-5)


def test_two_epochs_are_moco_written_plainly(images, parameters):
    assert_is_plain_moco(images, parameters)


def no_momentum_update(patch):
    patch.setattr(MomentumContrast, "momentum_update", lambda self, momentum: None)


def queue_never_filled(patch):
    patch.setattr(MomentumContrast, "enqueue", lambda self, keys, images: None)


def constant_learning_rate(patch):
    patch.setattr(schedules, "learning_rate", lambda parameters, *_: parameters.learning_rate)


def keys_trained(patch):
    patch.setattr(MomentumContrast, "trainable_keys", True)
    everything = lambda self: [p.requires_grad_() for p in self.parameters()]  # noqa: E731
    patch.setattr(MomentumContrast, "trained_parameters", everything)


@pytest.mark.parametrize(
    "mutate", [no_momentum_update, queue_never_filled, constant_learning_rate, keys_trained]
)
def test_the_oracle_notices_a_mutant(images, parameters, monkeypatch, mutate):
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        assert_is_plain_moco(images, parameters)
