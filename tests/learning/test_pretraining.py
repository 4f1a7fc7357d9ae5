import itertools
import logging
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from fashion_mocluster.learning.checkpoints import (
    CheckpointMismatchError,
    CheckpointMissingError,
    MemoryStore,
)
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import (
    ClusteringTermParameters,
    EarlyStoppingParameters,
    EmbeddingParameters,
    MocoParameters,
)
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from fashion_mocluster.learning.pretraining_run import PretrainingRun
from tests.learning.stores import DyingStore, Killed, same_weights

STATISTICS = PixelStatistics(127, 70)


def test_history_has_one_row_per_epoch_and_weights_changed(images, moco_parameters):
    result = pretrain(images, STATISTICS, moco_parameters, MemoryStore())
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    assert result.history[0]["temperature"] == pytest.approx(0.2)
    assert result.history[-1]["temperature"] == pytest.approx(0.1)
    assert all(np.isfinite(list(row.values())).all() for row in result.history)
    one = moco_parameters.model_copy(update={"epochs": 1})
    assert not same_weights(
        result.weights, pretrain(images, STATISTICS, one, MemoryStore()).weights
    )


def test_nearest_positives_train_another_encoder(images, moco_parameters):
    contrast = moco_parameters.contrast.model_copy(update={"positive": "nearest_neighbor"})
    nearest = moco_parameters.model_copy(update={"contrast": contrast})
    result = pretrain(images, STATISTICS, nearest, MemoryStore())
    assert np.isfinite([row["loss"] for row in result.history]).all()
    own = pretrain(images, STATISTICS, moco_parameters, MemoryStore())
    assert not same_weights(result.weights, own.weights)


@pytest.mark.parametrize("finished", [1, 2, 3])
def test_a_run_that_died_ends_bit_for_bit_like_one_that_did_not(images, moco_parameters, finished):
    whole = pretrain(images, STATISTICS, moco_parameters, MemoryStore())
    store = DyingStore(saves=finished)
    with pytest.raises(Killed):
        pretrain(images, STATISTICS, moco_parameters, store)
    resumed = pretrain(images, STATISTICS, moco_parameters, store)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history


def test_a_finished_run_trains_no_more(images, moco_parameters):
    store = MemoryStore()
    first = pretrain(images, STATISTICS, moco_parameters, store)
    store.save = None  # anything saved would raise
    again = pretrain(images, STATISTICS, moco_parameters, store)
    assert same_weights(first.weights, again.weights)


def test_other_parameters_or_images_are_refused_by_name(images, moco_parameters):
    store = MemoryStore()
    pretrain(images, STATISTICS, moco_parameters, store)
    other = moco_parameters.model_copy(update={"batch_size": 8})
    with pytest.raises(CheckpointMismatchError, match=r"batch_size \(checkpoint 16, now 8\)"):
        pretrain(images, STATISTICS, other, store)
    with pytest.raises(CheckpointMismatchError, match="images"):
        pretrain(images[:40], STATISTICS, moco_parameters, store)


def test_restart_trains_anew(images, moco_parameters, caplog):
    store = MemoryStore()
    pretrain(images, STATISTICS, moco_parameters, store)
    checkpoints = moco_parameters.checkpoints.model_copy(update={"on_mismatch": "restart"})
    other = moco_parameters.model_copy(update={"batch_size": 8, "checkpoints": checkpoints})
    with caplog.at_level(logging.WARNING):
        restarted = pretrain(images, STATISTICS, other, store)
    assert "starting anew" in caplog.text
    assert same_weights(
        restarted.weights, pretrain(images, STATISTICS, other, MemoryStore()).weights
    )


def test_same_seed_same_weights_other_seed_other_weights(images, moco_parameters):
    a, b = (pretrain(images, STATISTICS, moco_parameters, MemoryStore()) for _ in range(2))
    assert same_weights(a.weights, b.weights)
    other = moco_parameters.model_copy(update={"seed": 4})
    assert not same_weights(a.weights, pretrain(images, STATISTICS, other, MemoryStore()).weights)


def test_checkpoints_are_kept_as_asked(images, moco_parameters):
    store = MemoryStore()
    pretrain(images, STATISTICS, moco_parameters, store)
    assert sorted(store.states) == ["best", "epoch_0002", "epoch_0003", "last"]


def test_early_stopping_stops_and_returns_the_best_epoch(images, moco_parameters):
    stopping = EarlyStoppingParameters(patience=2, min_delta=100)
    p = moco_parameters.model_copy(update={"epochs": 9, "early_stopping": stopping})
    result = pretrain(images, STATISTICS, p, MemoryStore())
    assert len(result.history) == 3
    # Nothing improved by 100, so the best epoch is the first one.
    one = p.model_copy(update={"epochs": 9, "early_stopping": None})
    store = DyingStore(saves=1)
    with pytest.raises(Killed):
        pretrain(images, STATISTICS, one, store)
    first = store.states["last"]["moco"]
    for name, value in result.weights.state.items():
        assert torch.equal(value, first[f"query_encoder.{name}"])


def test_too_few_images_name_the_parameter(images, moco_parameters):
    with pytest.raises(ValueError, match=r"moco.batch_size is 16 but there are only 10 images"):
        pretrain(images[:10], STATISTICS, moco_parameters, MemoryStore())


def test_divergence_stops_with_epoch_step_and_rate(images, moco_parameters):
    optimizer = moco_parameters.optimizer.model_copy(update={"learning_rate": 1e30})
    p = moco_parameters.model_copy(update={"optimizer": optimizer})
    with pytest.raises(FloatingPointError, match=r"epoch \d+, step \d+.*learning rate"):
        pretrain(images, STATISTICS, p, MemoryStore())


@pytest.mark.parametrize(("drop_last", "seen"), [(True, 48), (False, 60)])
def test_last_smaller_batch(images, moco_parameters, drop_last, seen):
    p = moco_parameters.model_copy(update={"drop_last": drop_last, "epochs": 1, "batch_size": 16})
    assert PretrainingRun(images[:60], STATISTICS, p).images_per_epoch == seen


def test_published_queue_normalization_changes_the_loss(images, moco_parameters):
    contrast = moco_parameters.contrast.model_copy(update={"queue_normalization": "dimension"})
    flawed = moco_parameters.model_copy(update={"contrast": contrast})
    a, b = (
        pretrain(images, STATISTICS, p, MemoryStore()).history[0]["loss"]
        for p in (moco_parameters, flawed)
    )
    assert a != b


class SignalAt:
    """Stands for a user who presses Ctrl-C during one step, counted from 0 over the whole run."""

    def __init__(self, monkeypatch, step, number=signal.SIGINT):
        steps = itertools.count()
        train_step = PretrainingRun.train_step

        def watched(run, *arguments):
            if next(steps) == step:
                signal.raise_signal(number)
            return train_step(run, *arguments)

        monkeypatch.setattr(PretrainingRun, "train_step", watched)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [0, 1, 3, 5, 11])
def test_stopped_in_the_middle_of_an_epoch_it_ends_bit_for_bit_the_same(
    images, moco_parameters, monkeypatch, step, number
):
    """Four steps an epoch: at the beginning, in the middle and at the end of epochs and of all."""
    whole = pretrain(images, STATISTICS, moco_parameters, MemoryStore())
    store = DyingStore()
    with monkeypatch.context() as patch:
        SignalAt(patch, step, number)
        with pytest.raises(SystemExit) as stopped:
            pretrain(images, STATISTICS, moco_parameters, store)
    assert stopped.value.code == 128 + number
    state = store.states["last"]
    assert 4 * len(state["history"]) + state["step"] == step + 1
    resumed = pretrain(images, STATISTICS, moco_parameters, store)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history


def test_afterwards_signals_do_what_they_did_before(images, moco_parameters):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    pretrain(images, STATISTICS, moco_parameters, MemoryStore())
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_in_another_thread_takes_no_signals(images, moco_parameters):
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(pretrain, images, STATISTICS, moco_parameters, MemoryStore()).result()
    assert len(result.history) == 3


def test_without_the_last_checkpoint_it_goes_on_from_the_newest_epoch(images, moco_parameters):
    whole = pretrain(images, STATISTICS, moco_parameters, DyingStore())
    store = DyingStore()
    pretrain(images, STATISTICS, moco_parameters, store)
    del store.states["last"], store.states["epoch_0003"]
    resumed = pretrain(images, STATISTICS, moco_parameters, store)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history


def test_starting_anew_leaves_nothing_of_the_longer_run(images, moco_parameters):
    store = MemoryStore()
    pretrain(images, STATISTICS, moco_parameters, store)
    checkpoints = moco_parameters.checkpoints.model_copy(update={"on_mismatch": "restart"})
    shorter = moco_parameters.model_copy(update={"epochs": 1, "checkpoints": checkpoints})
    pretrain(images, STATISTICS, shorter, store)
    assert store.names() == ["best", "epoch_0001", "last"]


def test_a_lost_best_checkpoint_is_said_to_be_lost(images, moco_parameters):
    stopping = EarlyStoppingParameters(patience=9)
    p = moco_parameters.model_copy(update={"early_stopping": stopping})
    store = MemoryStore()
    pretrain(images, STATISTICS, p, store)
    del store.states["best"]
    with pytest.raises(CheckpointMissingError, match="'best' in memory is gone"):
        pretrain(images, STATISTICS, p, store)


def test_another_number_of_threads_is_warned_about(images, moco_parameters, caplog):
    store = DyingStore(saves=1)
    with pytest.raises(Killed):
        pretrain(images, STATISTICS, moco_parameters, store)
    store.states["last"]["made_with"]["threads"] = 999
    pretrain(images, STATISTICS, moco_parameters, store)
    assert "made with other threads (checkpoint 999" in caplog.text


def test_divergence_names_the_last_good_checkpoint(images, moco_parameters, monkeypatch):
    train_step, steps = PretrainingRun.train_step, itertools.count()

    def diverging(run, *arguments):
        loss, *others = train_step(run, *arguments)
        return (loss * float("nan") if next(steps) == 6 else loss), *others

    monkeypatch.setattr(PretrainingRun, "train_step", diverging)
    with pytest.raises(
        FloatingPointError,
        match=r"moco: the loss became nan in epoch 2, step 3 at learning rate 0\.0\d+; "
        r"the last good checkpoint is 'last' in memory.*on_mismatch=restart",
    ):
        pretrain(images, STATISTICS, moco_parameters, MemoryStore())


def test_a_queue_that_holds_every_image_is_warned_about(images, moco_parameters, caplog):
    contrast = moco_parameters.contrast.model_copy(update={"own_keys": "negatives"})
    p = moco_parameters.model_copy(update={"contrast": contrast})
    pretrain(images[:40], STATISTICS, p, MemoryStore())
    assert "moco.contrast.own_keys=masked avoids it" in caplog.text


def test_watched_loss_is_the_loss_at_the_last_temperature(images, moco_parameters):
    """At rate 0 weights and views do not depend on the temperature of the step."""
    optimizer = moco_parameters.optimizer.model_copy(update={"learning_rate": 1e-30})
    p = moco_parameters.model_copy(update={"epochs": 1, "optimizer": optimizer})
    final = p.contrast.model_copy(update={"temperature_start": p.contrast.temperature_end})
    expected = pretrain(
        images, STATISTICS, p.model_copy(update={"contrast": final}), MemoryStore()
    ).history[0]
    row = pretrain(images, STATISTICS, p, MemoryStore()).history[0]
    assert row["monitored_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert row["loss"] != pytest.approx(expected["loss"], rel=1e-3)
    as_it_is = pretrain(
        images, STATISTICS, p.model_copy(update={"watched": "loss"}), MemoryStore()
    ).history[0]
    assert as_it_is["monitored_loss"] == as_it_is["loss"] == row["loss"]


def joint(parameters, **changes):
    clustering = ClusteringTermParameters(**{"weight": 2.0, "clustering_start": 0.5, **changes})
    return parameters.model_copy(update={"clustering": clustering})


def by_two(z):
    return KMeans(2, n_init=1, random_state=0).fit_predict(z)


def end_to_end(parameters):
    contrast = parameters.contrast.model_copy(update={"mechanism": "end_to_end"})
    return parameters.model_copy(update={"contrast": contrast})


@pytest.mark.parametrize("variant", [end_to_end, joint])
@pytest.mark.parametrize("step", [5, 9])
def test_variants_stopped_anywhere_end_bit_for_bit_the_same(
    images, moco_parameters, monkeypatch, variant, step
):
    p = variant(moco_parameters)
    whole = pretrain(images, STATISTICS, p, MemoryStore(), assign=by_two)
    store = DyingStore()
    with monkeypatch.context() as patch:
        SignalAt(patch, step)
        with pytest.raises(SystemExit):
            pretrain(images, STATISTICS, p, store, assign=by_two)
    resumed = pretrain(images, STATISTICS, p, store, assign=by_two)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history
    assert [cost["epoch"] for cost in resumed.costs] == [1, 2, 3]


def test_joint_training_pulls_clusters_together_after_its_time(images, moco_parameters):
    p = moco_parameters.model_copy(update={"epochs": 8})
    calls = []

    def counted(z):
        calls.append(np.linalg.norm(z, axis=1))
        return by_two(z)

    plain = pretrain(images, STATISTICS, p, MemoryStore())
    both = pretrain(images, STATISTICS, joint(p, weight=20), MemoryStore(), assign=counted)
    assert len(calls) == 4
    np.testing.assert_allclose(np.concatenate(calls), 1, rtol=1e-5)
    assert plain.history[:4] == both.history[:4]
    silhouettes = []
    for result in (plain, both):
        z = embed(images, result.weights, EmbeddingParameters())
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        silhouettes.append(silhouette_score(z, by_two(z)))
    assert silhouettes[1] > silhouettes[0]


def test_joint_training_without_a_way_to_find_clusters_is_refused(images, moco_parameters):
    with pytest.raises(ValueError, match="assign"):
        pretrain(images, STATISTICS, joint(moco_parameters), MemoryStore())


def test_batchnorm_sees_one_part_of_a_batch_at_a_time(images, moco_parameters):
    """The running mean after one step is that of the parts, one after the other."""
    p = moco_parameters.model_copy(update={"bn_splits": 4})
    run = PretrainingRun(images, STATISTICS, p)
    seen = []
    norm = run.moco.query_encoder.bn1
    norm.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    keys = run.moco.key_encoder
    x = torch.rand(8, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    run.moco.train()
    z = run._in_groups(run.moco.query_encoder, x)
    assert seen == [2, 2, 2, 2]
    torch.testing.assert_close(z[2:4], run.moco.query_encoder(x[2:4]))
    # Each key comes back at its own place: in eval mode groups and order change nothing.
    keys.eval()
    torch.testing.assert_close(run._keys(x), keys.project(x))


@pytest.mark.parametrize("groups", [5, 16])
def test_batchnorm_groups_that_do_not_fit_are_refused(moco_parameters, groups):
    with pytest.raises(ValidationError, match="must divide batch_size"):
        MocoParameters(**{**moco_parameters.model_dump(), "bn_splits": groups})
