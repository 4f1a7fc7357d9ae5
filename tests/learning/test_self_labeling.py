import logging
import math

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Generator

from fashion_mocluster.learning.checkpoints import CheckpointMismatchError
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    SelfLabelingParameters,
    WhiteningParameters,
)
from fashion_mocluster.learning.seeding import seeds_for
from fashion_mocluster.learning.self_labeling import SelfLabeling, self_label
from fashion_mocluster.learning.views import query_and_key_views, view
from fashion_mocluster.learning.whitening import whiten_and_embed
from tests.conftest import CPU
from tests.learning.stores import MemoryStore, assert_resumes, same_weights, weights_of

EMBEDDING = EmbeddingParameters(compute=CPU)
# Two rounds of two epochs; 64 images, of which `assign` keeps 60, are seven batches of eight.
STEPS = 7


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.ERROR)  # random images collapse, and say so


@pytest.fixture
def pretrained():
    return weights_of(projection_hidden=4, projection_dim=4)


@pytest.fixture
def parameters():
    return SelfLabelingParameters(
        assign="turtle",
        seed=4,
        n_rounds=2,
        epochs=2,
        batch_size=8,
        neighbor_agreement_threshold=0.5,
        label_smoothing=0.1,
        temperature=0.2,
        views={"crop_scale": {"low": 0.5, "high": 1}, "flip_probability": 0.5, "noise_std": 5},
        optimizer={
            "learning_rate": 0.05,
            "weight_decay": 1e-3,
            "warmup_epochs": 0.5,
            "schedule": "cosine",
        },
        checkpoints={"every_n_epochs": 1, "keep": 1},
        compute=CPU,
    )


def assign(z):
    agreement = np.full(len(z), 0.5)
    agreement[:4] = 0.4
    return KMeans(3, n_init=2, random_state=0).fit_predict(z), agreement


def watched_assign():
    """A list of what is clustered, and an ``assign`` that fills it."""
    clustered = []

    def watched(z):
        clustered.append(z)
        return assign(z)

    return clustered, watched


def train(images, pretrained, parameters, store=None, assign=assign, n_clusters=3):
    store = MemoryStore() if store is None else store
    return self_label(images, pretrained, parameters, n_clusters, EMBEDDING, assign, store)


def test_a_round_is_the_method_written_plainly(images, pretrained, parameters):
    """Softmax regression through the encoder, with every formula spelt out, by plain SGD."""
    once = parameters.model_copy(update={"n_rounds": 1})
    result = train(images, pretrained, once)

    labels, _ = assign(embed(images, pretrained, EMBEDDING))
    order_seed, views_seed = seeds_for(4, 2)
    order_generator, views = (Generator().manual_seed(s) for s in (order_seed, views_seed))
    network = pretrained.build().train()
    weights = [p for name, p in network.named_parameters() if not name.startswith("projector.")]
    head, bias = torch.zeros(3, 6, requires_grad=True), torch.zeros(3, requires_grad=True)
    weights += [head, bias]
    velocity = [torch.zeros_like(p) for p in weights]
    kept, warmup, total = torch.arange(4, 64), 0.5 * STEPS, 2 * STEPS
    losses, step = [], 0
    for _ in range(2):
        order = kept[torch.randperm(60, generator=order_generator)]
        for batch in order[: STEPS * 8].split(8):
            pixels = torch.from_numpy(images[batch]).unsqueeze(1).float() / 255
            z = network((view(pixels, parameters.views, views) - 127 / 255) / (70 / 255))
            logits = (z / z.norm(dim=1, keepdim=True) / 0.2) @ head.T + bias
            wanted = torch.full((8, 3), 0.1 / 3)
            wanted[range(8), labels[batch]] += 0.9
            loss = -(wanted * logits.log_softmax(1)).sum(1).mean()
            rising = step < warmup
            cosine = (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2
            rate = 0.05 * ((step + 1) / warmup if rising else cosine)
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for p, g, v in zip(weights, gradients, velocity, strict=True):
                    v.mul_(0.9).add_(g + 1e-3 * p)
                    p -= rate * v
            losses.append(loss.item())
            step += 1
    np.testing.assert_array_equal(result.assignments, labels)
    assert losses[0] == pytest.approx(math.log(3))
    expected = [np.mean(losses[:STEPS]), np.mean(losses[STEPS:])]
    np.testing.assert_allclose([row["loss"] for row in result.history], expected, rtol=1e-4)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(result.weights.state[name], value, rtol=1e-3, atol=1e-4)


def train_epochs(run, epochs):
    """What the trainer does, without all else."""
    for epoch in range(epochs):
        for step, batch in enumerate(run.begin_epoch(epoch)):
            run.train_step(batch, step)


def test_each_round_clusters_the_trained_encoder_and_begins_with_the_pretrained_one(
    images, pretrained, parameters
):
    clustered, watched = watched_assign()
    run = SelfLabeling(images, pretrained, parameters, 3, EMBEDDING, watched)
    train_epochs(run, 2)
    trained = run.weights()
    assert not same_weights(trained, pretrained)
    run.begin_round()
    assert same_weights(run.weights(), pretrained)
    assert not run.head.weight.any()
    assert not run.optimizer.state
    np.testing.assert_array_equal(clustered[0], embed(images, pretrained, EMBEDDING))
    np.testing.assert_array_equal(clustered[1], embed(images, trained, EMBEDDING))
    assert len(clustered) == 2


def test_each_round_clusters_whitened_maps_where_asked_for(images, pretrained, parameters):
    clustered, watched = watched_assign()
    whitening = WhiteningParameters(
        stage=1,
        max_grid_size=3,
        pca_components=9,
        n_components=5,
        shrinkage=0.1,
        n_fit_images=64,
        views=parameters.views,
        seed=1,
    )
    asked = parameters.model_copy(update={"features": "whitened_maps"})
    run = SelfLabeling(images, pretrained, asked, 3, EMBEDDING, watched, whitening)
    train_epochs(run, 2)
    trained = run.weights()
    run.begin_round()
    for z, weights in zip(clustered, (pretrained, trained), strict=True):
        _, expected = whiten_and_embed(images, weights, whitening, EMBEDDING)
        np.testing.assert_array_equal(z, expected)
    assert trained.readout is None
    assert run.fingerprint()["whitening"]["shrinkage"] == 0.1
    # Unless asked for it is not done, and changes nothing about the run.
    plain = SelfLabeling(images, pretrained, parameters, 3, EMBEDDING, watched, whitening)
    plain.begin_round()
    np.testing.assert_array_equal(clustered[2], embed(images, pretrained, EMBEDDING))
    assert plain.fingerprint()["whitening"] is None
    with pytest.raises(ValueError, match="features is 'whitened_maps', but no whitening is given"):
        SelfLabeling(images, pretrained, asked, 3, EMBEDDING, watched)


def test_images_that_do_not_sit_safely_are_not_trained_on(images, pretrained, parameters):
    """Whatever is their cluster: the weights do not depend on it."""
    once = parameters.model_copy(update={"n_rounds": 1})

    def otherwise(z):
        labels, agreement = assign(z)
        return np.where(agreement < 0.5, (labels + 1) % 3, labels), agreement

    one, other = (train(images, pretrained, once, assign=a) for a in (assign, otherwise))
    assert (one.assignments != other.assignments).sum() == 4
    assert same_weights(one.weights, other.weights)


def test_what_can_be_told_apart_is_learned(pretrained, parameters):
    """Bright, dark and striped images move apart in their three groups."""
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 40)
    base = np.stack([np.full((12, 12), 200), np.full((12, 12), 40), np.tile([40, 200], (12, 6))])
    images = (base[truth] + rng.normal(0, 60, (120, 12, 12))).clip(0, 255).astype(np.uint8)
    result = train(images, pretrained, parameters, assign=lambda z: (truth, np.ones(120)))
    assert result.history[1]["loss"] < result.history[0]["loss"] < math.log(3)
    z = embed(images, result.weights, EMBEDDING)
    before = embed(images, pretrained, EMBEDDING)
    assert _separation(z, truth) > 1.5 * _separation(before, truth)


def _separation(z, truth):
    """Distance between the means of groups over that within groups, of directions."""
    z = z / np.linalg.norm(z, axis=1, keepdims=True)
    means = np.stack([z[truth == k].mean(0) for k in range(3)])
    between = np.linalg.norm(means[:, None] - means[None], axis=2).sum() / 6
    return between / np.linalg.norm(z - means[truth], axis=1).mean()


def test_history_and_costs_are_complete(images, pretrained, parameters):
    result = train(images, pretrained, parameters)
    assert [row["epoch"] for row in result.history] == [c["epoch"] for c in result.costs]
    assert [row["round"] for row in result.history] == [1, 1, 2, 2]
    assert {row["fraction_used"] for row in result.history} == {60 / 64}
    sizes = np.bincount(result.assignments, minlength=3)
    last = result.history[-1]
    assert (last["smallest_cluster"], last["largest_cluster"]) == (sizes.min(), sizes.max())
    projector = "projector.mlp.0.weight"
    assert torch.equal(result.weights.state[projector], pretrained.state[projector])


@pytest.mark.parametrize("finished", [1, 3])
@pytest.mark.slow
def test_a_killed_run_ends_bit_for_bit_the_same(images, pretrained, parameters, finished):
    whole = assert_resumes(lambda store: train(images, pretrained, parameters, store), finished)
    assert len(whole.history) == 4


def test_another_run_is_not_continued(images, pretrained, parameters):
    store = MemoryStore()
    train(images, pretrained, parameters, store)
    with pytest.raises(CheckpointMismatchError, match="pretrained encoder"):
        train(images, weights_of(1, projection_hidden=4, projection_dim=4), parameters, store)
    with pytest.raises(CheckpointMismatchError, match=r"n_clusters \(checkpoint 3, now 4\)"):
        train(images, pretrained, parameters, store, n_clusters=4)


def test_too_few_safe_images_are_refused_with_the_cure(images, pretrained, parameters):
    with pytest.raises(
        ValueError, match=r"only 1 of 64 images.* 50% .*lower neighbor_agreement_threshold"
    ):
        train(images, pretrained, parameters, assign=lambda z: (assign(z)[0], np.eye(64)[0]))


def test_a_batch_is_no_larger_than_what_is_kept(images, pretrained, parameters):
    few = np.repeat([1.0, 0.0], [5, 59])
    result = train(images, pretrained, parameters, assign=lambda z: (assign(z)[0], few))
    assert len(result.history) == 4


def test_a_view_is_what_a_query_sees(parameters):
    images = torch.rand(6, 1, 12, 12)
    one = view(images, parameters.views, Generator().manual_seed(1))
    query, _ = query_and_key_views(images, parameters.views, Generator().manual_seed(1))
    assert torch.equal(one, query)
