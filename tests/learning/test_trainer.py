"""The trainer, with a training that only adds up random numbers."""

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Generator

from fashion_mocluster.cost import Cost
from fashion_mocluster.learning import trainer as trainer_module
from fashion_mocluster.learning.checkpoints import CheckpointMismatchError, CheckpointMissingError
from fashion_mocluster.learning.parameters import (
    CheckpointParameters,
    ComputeParameters,
    EarlyStoppingParameters,
    PreprocessingParameters,
)
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.trainer import EarlyStopping, StopTraining, Trainer, Training
from tests.learning.stores import DyingStore, Killed, MemoryStore

STEPS, EPOCHS = 25, 3
CPU = ComputeParameters(device="cpu", precision="float32", threads=1)


class Sum(Training):
    """Adds a random number times the place of each step; ``at_step`` is called before each."""

    def __init__(self, at_step=lambda run, step: None, compute=CPU, setting=1):
        images, recipe = np.zeros((1, 4, 4), np.uint8), SimpleNamespace(compute=compute)
        super().__init__(images, recipe, PreprocessingParameters(), PixelStatistics(0, 1))
        self.generator, self.total = Generator().manual_seed(1), torch.zeros(())
        self.at_step, self.epoch, self.setting = at_step, 0, setting

    def begin_epoch(self, epoch):
        self.epoch = epoch
        return torch.randperm(STEPS * 4, generator=self.generator).split(4)

    def train_step(self, batch, step):
        loss = torch.rand((), generator=self.generator) * batch.sum()
        self.total += loss
        changed = self.at_step(self, step)
        return {"loss": loss if changed is None else changed, "learning_rate": 0.5 / (1 + step)}

    def end_epoch(self):
        return {"total": self.total.item(), "spread": 1.0, "effective_rank": 9.0}

    def monitored(self, row):
        return row["loss"]

    def best(self):
        return {"total": self.total.item()}

    def trial_step(self):
        self.train_step(torch.arange(4), 0)

    def fingerprint(self):
        return {"setting": self.setting}

    def state_dict(self):
        return {"generator": self.generator.get_state(), "total": self.total}

    def load_state_dict(self, state):
        self.generator.set_state(state["generator"])
        self.total = state["total"].clone()


def trainer(store=None, training=None, epochs=EPOCHS, stopping=None, **checkpoints):
    parameters = CheckpointParameters(**{"every_n_epochs": 1, "keep": 2, **checkpoints})
    store = MemoryStore() if store is None else store
    return Trainer(training or Sum(), epochs, store, parameters, stopping, "sum")


@pytest.fixture
def undisturbed():
    return trainer().fit().history


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("when", "finished"),
    [(0, 0), (7, 0), (STEPS - 1, 1), (STEPS, 1), (2 * STEPS + 3, 2), (3 * STEPS - 1, 3)],
)
def test_a_signal_loses_the_running_epoch_alone(when, finished, which, undisturbed, caplog):
    def press(run, step):
        if run.epoch * STEPS + step == when:
            os.kill(os.getpid(), which)

    store = DyingStore()
    with pytest.raises(SystemExit) as stopped, caplog.at_level(logging.WARNING):
        trainer(store, Sum(press)).fit()
    assert stopped.value.code == 128 + which
    assert len(store.states.get("last", {"history": []})["history"]) == finished
    if (when + 1) % STEPS:
        assert f"the unfinished epoch {finished + 1} is lost and will be repeated" in caplog.text
    else:
        assert f"checkpoint of epoch {finished} is 'last' in memory" in caplog.text
    assert trainer(store).fit().history == undisturbed


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_killed_after_any_checkpoint_ends_bit_for_bit_the_same(epoch, undisturbed):
    store = DyingStore(saves=epoch)
    with pytest.raises(Killed):
        trainer(store).fit()
    assert trainer(store).fit().history == undisturbed


def test_without_the_last_checkpoint_the_newest_epoch_is_continued(undisturbed):
    store = DyingStore()
    trainer(store).fit()
    del store.states["last"], store.states["epoch_0003"]
    assert trainer(store).fit().history == undisturbed


def test_a_finished_training_is_not_trained_again(undisturbed):
    store = DyingStore()
    trainer(store).fit()
    store.save = None  # anything saved would raise
    assert trainer(store).fit().history == undisturbed


def test_afterwards_signals_do_what_they_did_before():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    trainer().fit()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_in_another_thread_signals_are_left_alone(undisturbed):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(trainer().fit).result().history == undisturbed


def test_checkpoints_are_kept_as_asked():
    store = MemoryStore()
    trainer(store, epochs=5, every_n_epochs=2, keep=1).fit()
    assert store.names() == ["best", "epoch_0004", "last"]


def test_another_run_is_refused_by_what_differs():
    store = MemoryStore()
    trainer(store).fit()
    with pytest.raises(CheckpointMismatchError, match=r"setting \(checkpoint 1, now 2\)") as error:
        trainer(store, Sum(setting=2)).fit()
    assert "sum.checkpoints.on_mismatch=restart" in str(error.value)


def test_restart_leaves_nothing_of_the_longer_run(caplog):
    store = MemoryStore()
    trainer(store).fit()
    shorter = trainer(store, Sum(setting=2), epochs=1, on_mismatch="restart")
    with caplog.at_level(logging.WARNING):
        assert len(shorter.fit().history) == 1
    assert "training from the start" in caplog.text
    assert store.names() == ["best", "epoch_0001", "last"]


def test_a_checkpoint_of_an_older_format_is_refused_in_one_line():
    store = MemoryStore()
    store.save("last", {"format": 3, "identity": {}})
    with pytest.raises(
        CheckpointMismatchError, match=r"format 3, this version continues format 4"
    ) as e:
        trainer(store).fit()
    assert "\n" not in str(e.value)


def test_a_checkpoint_of_another_device_is_refused_in_one_line():
    store = MemoryStore()
    run = trainer(store)
    run.checkpoints.fingerprint["compute"]["device"] = "cuda"
    run.fit()
    with pytest.raises(
        CheckpointMismatchError, match=r"compute.device \(checkpoint cuda, now cpu\)"
    ) as e:
        trainer(store).fit()
    assert "\n" not in str(e.value)


def test_precision_is_that_of_the_beginning_and_a_change_is_said(caplog, monkeypatch):
    store = DyingStore(saves=1)
    auto = ComputeParameters(device="cpu", threads=1)
    monkeypatch.setattr(trainer_module, "pick_precision", lambda *_: torch.bfloat16)
    with pytest.raises(Killed):
        trainer(store, Sum(compute=auto)).fit()
    monkeypatch.setattr(trainer_module, "pick_precision", lambda *_: torch.float32)
    with caplog.at_level(logging.WARNING):
        run = trainer(store, Sum(compute=auto)).fit()
    assert run.training.precision is torch.bfloat16
    assert [cost["precision"] for cost in run.costs] == ["bfloat16"] * 3
    assert (
        "continuing in bfloat16, as it began, although this machine would now choose float32"
        in (caplog.text)
    )


def test_another_number_of_threads_is_said(caplog):
    store = DyingStore(saves=1)
    with pytest.raises(Killed):
        trainer(store).fit()
    store.states["last"]["environment"]["threads"] = 999
    trainer(store).fit()
    assert "made with another threads (checkpoint 999, now 1)" in caplog.text


def test_measuring_threads_changes_nothing_but_the_number(monkeypatch, undisturbed):
    """The trial steps draw from the same generators, and are undone."""
    monkeypatch.setattr("fashion_mocluster.threads.available_threads", lambda: 2)
    trials, auto = [], ComputeParameters(device="cpu", precision="float32")
    training = Sum(compute=auto)
    trial_step = training.trial_step
    training.trial_step = lambda: trials.append(trial_step())
    before = torch.get_num_threads()
    run = trainer(training=training).fit()
    assert len(trials) >= 3
    assert run.history == undisturbed
    assert {cost["threads"] for cost in run.costs} <= {1, 2}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(("bad", "noticed"), [(0, 10), (9, 10), (10, 20), (20, 25), (24, 25)])
def test_a_loss_that_is_not_finite_is_noticed_within_ten_steps(bad, noticed):
    steps = []

    def spoil(run, step):
        steps.append(step)
        return torch.tensor(torch.inf) if step == bad else None

    store = MemoryStore()
    with pytest.raises(FloatingPointError) as error:
        trainer(store, Sum(spoil)).fit()
    assert len(steps) == noticed
    assert f"sum: the loss became inf in epoch 1, step {bad + 1}" in str(error.value)
    assert f"learning rate {0.5 / (1 + bad):.4g}" in str(error.value)
    assert "there is no checkpoint yet" in str(error.value)
    assert "--params=sum.optimizer.learning_rate=" in str(error.value)
    assert not store.names()


def test_divergence_names_the_last_good_checkpoint():
    spoil = lambda run, step: torch.tensor(torch.nan) if run.epoch == 1 else None  # noqa: E731
    with pytest.raises(
        FloatingPointError, match=r"last good checkpoint is 'last' in memory.*restart"
    ):
        trainer(training=Sum(spoil)).fit()


def test_costs_are_of_each_epoch(monkeypatch):
    costs = iter([Cost(1.0, 5.0), Cost(2.0, 3.0), Cost(4.0, 1.0)])
    monkeypatch.setattr(
        trainer_module, "measure_on", lambda device, call, before: (call(), next(costs))
    )
    assert trainer().fit().costs == [
        {"epoch": e, "seconds": s, "memory_mb": m, "precision": "float32", "threads": 1}
        for e, s, m in [(1, 1.0, 5.0), (2, 2.0, 3.0), (3, 4.0, 1.0)]
    ]


def test_progress_says_epoch_loss_speed_and_time_left(caplog, monkeypatch):
    monkeypatch.setattr(
        trainer_module, "measure_on", lambda device, call, before: (call(), Cost(50.0, 1.0))
    )
    with caplog.at_level(logging.INFO):
        history = trainer().fit().history
    loss = f"loss {history[0]['loss']:.4f}  learning_rate 0.0200"
    assert f"sum: epoch 1/3  {loss}  2 images/s  1:40 left" in caplog.text


def test_the_mean_of_losses_and_the_last_of_rates_are_the_history():
    losses = []
    row = trainer(training=Sum(lambda run, step: losses.append(step) or torch.tensor(float(step))))
    row = row.fit().history[0]
    assert row["loss"] == np.mean(range(STEPS))
    assert row["learning_rate"] == 0.5 / STEPS


def test_early_stopping_ends_it_and_the_best_epoch_is_stored():
    stopping = EarlyStoppingParameters(patience=2, min_delta=1e9)
    store = MemoryStore()
    run = trainer(store, epochs=9, stopping=stopping).fit()
    # Nothing improves on the first epoch by so much.
    assert len(run.history) == 3
    assert run.checkpoints.best()["total"] == run.history[0]["total"]
    del store.states["best"]
    with pytest.raises(CheckpointMissingError, match="'best' in memory is gone"):
        run.checkpoints.best()


def test_early_stopping_continues_after_a_kill():
    stopping = EarlyStoppingParameters(patience=2, min_delta=1e9)
    store = DyingStore(saves=2)
    with pytest.raises(Killed):
        trainer(store, epochs=9, stopping=stopping).fit()
    assert len(trainer(store, epochs=9, stopping=stopping).fit().history) == 3


def test_early_stopping_counts_epochs_without_improvement():
    stopping = EarlyStopping(EarlyStoppingParameters(patience=2, min_delta=0.5))
    assert [stopping.improved(v) for v in (3.0, 2.6, 2.4, 2.0)] == [True, False, True, False]
    assert not stopping.should_stop
    stopping.improved(1.95)
    assert stopping.should_stop


def test_a_step_may_end_the_training(caplog):
    def end(run, step):
        if run.epoch == 2:
            raise StopTraining("enough")

    run = trainer(epochs=9, training=Sum(end)).fit()
    assert len(run.history) == 2
    assert "sum: training ends before epoch 3: enough" in caplog.text
