import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans

from fashion_mocluster.learning.checkpoints import CheckpointMismatchError
from fashion_mocluster.learning.finetuning import Finetuning, finetune
from fashion_mocluster.learning.parameters import (
    CentersParameters,
    KMeansFinetuningParameters,
    LearnableCentersFinetuningParameters,
)
from fashion_mocluster.learning.surrogate import surrogate_loss
from tests.conftest import CPU
from tests.learning.stores import DyingStore, MemoryStore, assert_resumes, same_weights, weights_of


@pytest.fixture
def pretrained():
    return weights_of(projection_hidden=4, projection_dim=4)


@pytest.fixture
def parameters():
    return KMeansFinetuningParameters(
        seed=0,
        epochs=4,
        assign="kmeans",
        learning_rate=0.1,
        batch_size=10,
        checkpoints={"every_n_epochs": 1, "keep": 1},
        compute=CPU,
    )


def assign(z):
    return KMeans(3, n_init=2, random_state=0).fit_predict(z)


def test_gradients_sent_in_batches_are_those_of_the_whole_graph(images, pretrained, parameters):
    run = Finetuning(images, pretrained, parameters, 3, assign)
    labels = torch.from_numpy(assign(run.embed().numpy())).long()
    gradient = surrogate_loss(run.embed(), labels, parameters.surrogate).gradient
    run.step(gradient)
    actual = {n: p.grad for n, p in run.encoder.named_parameters() if p.grad is not None}

    encoder = pretrained.build()
    pixels = (torch.from_numpy(images).unsqueeze(1).float() - 127) / 70
    z = F.normalize(encoder(pixels), dim=1)
    # The silhouette written plainly, on the full distance matrix.
    d = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist")
    samples = []
    for i in range(len(z)):
        means = [
            d[i, labels == c].sum() / ((labels == c).sum() - int(c == labels[i])) for c in range(3)
        ]
        own = means[labels[i]]
        other = min(m for c, m in enumerate(means) if c != labels[i])
        samples.append((other - own) / max(other, own))
    (-torch.stack(samples).mean()).backward()
    for name, p in encoder.named_parameters():
        if not name.startswith("projector."):
            torch.testing.assert_close(actual[name], p.grad, rtol=1e-3, atol=1e-6)


def test_loss_falls_and_history_is_complete(images, pretrained, parameters):
    result = finetune(images, pretrained, parameters, 3, assign, MemoryStore())
    losses = [row["loss"] for row in result.history]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert result.assignments.shape == (64,)


def test_the_saved_weights_are_those_that_were_scored(images, pretrained, parameters):
    """One epoch scores before it steps: what is saved is the pretrained encoder, untouched."""
    one = parameters.model_copy(update={"epochs": 1})
    result = finetune(images, pretrained, one, 3, assign, MemoryStore())
    assert same_weights(result.weights, pretrained)


def test_projection_head_stays_as_it_was(images, pretrained, parameters):
    result = finetune(images, pretrained, parameters, 3, assign, MemoryStore())
    assert torch.equal(
        result.weights.state["projector.mlp.0.weight"], pretrained.state["projector.mlp.0.weight"]
    )
    assert not same_weights(result.weights, pretrained)


@pytest.mark.parametrize("finished", [1, 3])
@pytest.mark.slow
def test_a_killed_run_ends_bit_for_bit_the_same(images, pretrained, parameters, finished):
    whole = assert_resumes(
        lambda store: finetune(images, pretrained, parameters, 3, assign, store), finished
    )
    assert len(whole.history) == 4


def test_another_run_is_not_continued(images, pretrained, parameters):
    store = MemoryStore()
    finetune(images, pretrained, parameters, 3, assign, store)
    other = weights_of(1, projection_hidden=4, projection_dim=4)
    with pytest.raises(CheckpointMismatchError, match="pretrained encoder"):
        finetune(images, other, parameters, 3, assign, store)
    with pytest.raises(CheckpointMismatchError, match=r"n_clusters \(checkpoint 3, now 4\)"):
        finetune(images, pretrained, parameters, 4, assign, store)


def test_a_score_chooses_the_epoch(images, pretrained, parameters):
    """The highest score wins, here the first epoch's, whatever the loss does."""
    values = iter([9.0, 1.0, 2.0, 3.0])
    result = finetune(
        images,
        pretrained,
        parameters,
        3,
        assign,
        DyingStore(),
        lambda labels, indices: next(values),
    )
    assert same_weights(result.weights, pretrained)


def test_sizes_rank_and_spread_are_in_the_history(images, pretrained, parameters):
    row = finetune(images, pretrained, parameters, 3, assign, MemoryStore()).history[0]
    sizes = np.bincount(
        assign(Finetuning(images, pretrained, parameters, 3, assign).embed().numpy())
    )
    assert (row["smallest_cluster"], row["largest_cluster"]) == (sizes.min(), sizes.max())
    assert row["largest_share"] == sizes.max() / 64
    assert row["empty_clusters"] == 0
    assert 1 <= row["effective_rank"] <= 6
    assert 0 <= row["spread"] <= 1


def test_training_continues_without_empty_clusters_and_warns(
    images, pretrained, parameters, caplog
):
    result = finetune(images, pretrained, parameters, 5, assign, MemoryStore())
    assert result.history[0]["empty_clusters"] == 2
    assert "2 of the clusters asked for are empty" in caplog.text
    assert np.isfinite([row["loss"] for row in result.history]).all()


def test_a_single_cluster_stops_with_the_cure(images, pretrained, parameters):
    def collapsed(z):
        return np.zeros(len(z), np.int64)

    with pytest.raises(
        ValueError, match="all images are in one cluster; check the pretrained encoder"
    ):
        finetune(images, pretrained, parameters, 3, collapsed, MemoryStore())


def test_divergence_names_the_last_good_checkpoint(images, pretrained, parameters):
    wild = parameters.model_copy(update={"learning_rate": 1e38})
    with pytest.raises(
        FloatingPointError,
        match=r"finetuning: the loss became nan in epoch 2.*the last good checkpoint is 'last' in "
        r"memory.*--params=finetuning.learning_rate=",
    ):
        finetune(images, pretrained, wild, 3, assign, MemoryStore())


def test_after_step_saves_the_weights_of_one_step_later(images, pretrained, parameters):
    """Stepped once from the pretrained encoder: these are the scored weights of epoch 2."""
    after = parameters.model_copy(update={"epochs": 1, "save_weights": "after_step"})
    kept = finetune(images, pretrained, after, 3, assign, MemoryStore())
    scores = iter([0.0, 1.0])
    two = parameters.model_copy(update={"epochs": 2})
    second = finetune(
        images, pretrained, two, 3, assign, DyingStore(), lambda labels, indices: next(scores)
    )
    assert same_weights(kept.weights, second.weights)


def test_a_collapse_later_on_ends_with_the_best_epoch_before(
    images, pretrained, parameters, caplog
):
    calls = itertools.count()

    def collapsing(z):
        return assign(z) if next(calls) < 2 else np.zeros(len(z), np.int64)

    result = finetune(images, pretrained, parameters, 3, collapsing, MemoryStore())
    assert len(result.history) == 2
    assert "training ends before epoch 3: all images are in one cluster" in caplog.text


@pytest.fixture
def learnable(parameters):
    values = {**parameters.model_dump(), "assign": "learnable_centers", "learning_rate": 0.05}
    return LearnableCentersFinetuningParameters(**values)


def test_learnable_centers_lower_their_loss_and_resume(images, pretrained, learnable):
    def train(store):
        once = None if store.names() else assign  # resumed, they are placed already
        return finetune(images, pretrained, learnable, 3, once, store)

    losses = [row["loss"] for row in assert_resumes(train, saves=2).history]
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_without_the_guard_it_collapses(images, pretrained, learnable, caplog):
    """The same training, with the guard and without."""
    longer = learnable.model_copy(update={"epochs": 12, "learning_rate": 0.2})
    guarded = finetune(images, pretrained, longer, 3, assign, DyingStore())
    assert len(guarded.history) == 12
    assert "one cluster" not in caplog.text
    bare = longer.model_copy(update={"centers": CentersParameters(balance_weight=0)})
    assert len(finetune(images, pretrained, bare, 3, assign, DyingStore()).history) < 12
    assert "all images are in one cluster" in caplog.text
