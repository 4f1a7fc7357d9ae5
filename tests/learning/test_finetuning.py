import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans

from fashion_mocluster.learning.checkpoints import CheckpointMismatch, MemoryStore
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.finetuning import FinetuningRun, finetune
from fashion_mocluster.learning.inputs import PixelStatistics
from fashion_mocluster.learning.parameters import (
    EncoderParameters,
    FinetuningParameters,
    InputParameters,
)
from fashion_mocluster.learning.surrogate import surrogate_loss
from fashion_mocluster.learning.weights import EncoderWeights
from tests.learning.stores import DyingStore, Killed, same_weights


@pytest.fixture
def pretrained():
    parameters = EncoderParameters(
        blocks=[1, 1], widths=[4, 6], projection_hidden=4, projection_dim=4
    )
    encoder = build_encoder(parameters, (12, 12), 0)
    return EncoderWeights.of(encoder, InputParameters(), PixelStatistics(127, 70))


@pytest.fixture
def parameters():
    return FinetuningParameters(
        seed=0,
        epochs=4,
        assign="kmeans",
        learning_rate=0.1,
        batch_size=10,
        checkpoints={"every_n_epochs": 1, "keep": 1},
        compute={"device": "cpu", "precision": "float32"},
    )


def assign(z):
    return KMeans(3, n_init=2, random_state=0).fit_predict(z)


def test_gradients_sent_in_batches_are_those_of_the_whole_graph(images, pretrained, parameters):
    run = FinetuningRun(images, pretrained, parameters)
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
    result = finetune(images, pretrained, parameters, assign, MemoryStore())
    losses = [row["loss"] for row in result.history]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert result.assignments.shape == (64,)


def test_the_kept_weights_are_those_that_were_measured(images, pretrained, parameters):
    """One epoch measures before it steps: what is kept is the pretrained encoder, untouched."""
    one = parameters.model_copy(update={"epochs": 1})
    result = finetune(images, pretrained, one, assign, MemoryStore())
    assert same_weights(result.weights, pretrained)


def test_projection_head_stays_as_it_was(images, pretrained, parameters):
    result = finetune(images, pretrained, parameters, assign, MemoryStore())
    assert torch.equal(
        result.weights.state["projector.mlp.0.weight"], pretrained.state["projector.mlp.0.weight"]
    )
    assert not same_weights(result.weights, pretrained)


@pytest.mark.parametrize("finished", [1, 3, 4])
def test_a_run_that_died_ends_bit_for_bit_like_one_that_did_not(
    images, pretrained, parameters, finished
):
    whole = finetune(images, pretrained, parameters, assign, DyingStore())
    store = DyingStore(saves=finished)
    with pytest.raises(Killed):
        finetune(images, pretrained, parameters, assign, store)
    resumed = finetune(images, pretrained, parameters, assign, store)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history
    np.testing.assert_array_equal(whole.assignments, resumed.assignments)


def test_another_pretrained_encoder_is_not_continued(images, pretrained, parameters):
    store = MemoryStore()
    finetune(images, pretrained, parameters, assign, store)
    other = EncoderWeights.of(
        build_encoder(pretrained.encoder, (12, 12), 1), InputParameters(), PixelStatistics(127, 70)
    )
    with pytest.raises(CheckpointMismatch, match="pretrained encoder"):
        finetune(images, other, parameters, assign, store)


def test_a_score_chooses_the_epoch(images, pretrained, parameters):
    """The highest score wins, here the first epoch's, whatever the loss does."""
    values = iter([9.0, 1.0, 2.0, 3.0])
    result = finetune(
        images, pretrained, parameters, assign, DyingStore(), lambda labels, indices: next(values)
    )
    assert same_weights(result.weights, pretrained)
