"""The loop of minibatch trainings, with a training that only adds up what it draws."""

import logging
import os
import signal

import pytest
import torch

from fashion_mocluster.cost import Cost
from fashion_mocluster.learning import epochs
from fashion_mocluster.learning.checkpoints import Checkpoints
from fashion_mocluster.learning.epochs import EpochRun, train_epochs
from fashion_mocluster.learning.parameters import CheckpointParameters, ComputeParameters
from tests.learning.stores import DyingStore, Killed

STEPS = 25


class Sum(EpochRun):
    """Adds a random number times the image of each step; ``at_step`` is called after each."""

    batch_size = 4

    def __init__(self, at_step=lambda run: None):
        super().__init__(ComputeParameters(device="cpu", precision="float32"), 1, 2)
        self.total, self.at_step = 0.0, at_step

    @property
    def images_per_epoch(self):
        return STEPS * self.batch_size

    def rate_at(self, step):
        return 0.5 / (1 + step)

    def train_epoch(self, signals=None):
        if self.step == 0:
            self.order = torch.randperm(STEPS, generator=self.order_generator)
            self.losses = torch.zeros(STEPS)
        while self.step < STEPS:
            drawn = torch.rand((), generator=self.views_generator)
            self.losses[self.step] = drawn * self.order[self.step]
            self.total += self.losses[self.step].item()
            self.at_step(self)
            if self.count_step(signals):
                return None
        row = {"epoch": self.epochs_done + 1, "loss": self.total, "learning_rate": 0.5}
        self.history.append(row | {"spread": 1.0, "effective_rank": 9.0})
        self.step = 0
        return self.history[-1]

    def state_dict(self):
        return {**super().state_dict(), "total": self.total}

    def load_state_dict(self, state):
        super().load_state_dict(state)
        self.total = state["total"]


def checkpoints(store=None):
    parameters = CheckpointParameters(every_n_epochs=1, keep=9, on_mismatch="refuse")
    return Checkpoints(store or DyingStore(), parameters, {"one": 1}, "sum")


def resumed(kept, **arguments):
    run = Sum(**arguments)
    run.load_state_dict(kept.resume_point())
    return run


@pytest.fixture
def undisturbed():
    run = Sum()
    train_epochs(run, 3, checkpoints(), "sum")
    return run.history


@pytest.mark.parametrize("when", [1, 7, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS + 3])
@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_any_step_changes_nothing(when, which, undisturbed):
    def press(run):
        if run.epochs_done * STEPS + run.step + 1 == when:
            os.kill(os.getpid(), which)

    kept = checkpoints()
    with pytest.raises(SystemExit) as stopped:
        train_epochs(Sum(press), 3, kept, "sum")
    assert stopped.value.code == 128 + which
    run = resumed(kept)
    assert run.epochs_done * STEPS + run.step == when
    train_epochs(run, 3, kept, "sum")
    assert run.history == undisturbed


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_death_after_any_checkpoint_changes_nothing(epoch, undisturbed):
    store = DyingStore(saves=epoch)
    with pytest.raises(Killed):
        train_epochs(Sum(), 3, checkpoints(store), "sum")
    run = resumed(checkpoints(store))
    assert run.epochs_done == epoch
    train_epochs(run, 3, checkpoints(store), "sum")
    assert run.history == undisturbed


def test_precision_is_that_of_the_beginning():
    state = Sum().state_dict()
    run = Sum()
    run.load_state_dict(state | {"precision": "bfloat16"})
    assert run.precision is torch.bfloat16


@pytest.mark.parametrize(("bad", "noticed"), [(0, 10), (9, 10), (10, 20), (20, 25), (24, 25)])
def test_a_loss_that_is_no_number_is_noticed_within_ten_steps(bad, noticed):
    def spoil(run):
        if run.step == bad:
            run.losses[bad] = float("inf")

    kept, run = checkpoints(), Sum(spoil)
    with pytest.raises(FloatingPointError) as error:
        train_epochs(run, 3, kept, "sum")
    assert run.step == noticed
    said = str(error.value)
    assert f"sum: the loss became inf in epoch 1, step {bad + 1}" in said
    assert f"learning rate {0.5 / (1 + bad):.4g}" in said
    assert "--params=sum.optimizer.learning_rate=" in said
    assert "there is no checkpoint yet" in said
    assert kept.resume_point() is None


def test_the_cost_of_an_epoch_has_all_its_parts(monkeypatch):
    parts = iter([Cost(1.0, 5.0), Cost(2.0, 3.0), Cost(4.0, 1.0)])
    monkeypatch.setattr(epochs, "measure_on", lambda device, call, before: (call(), next(parts)))

    def press(run):
        if run.step == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    kept = checkpoints()
    with pytest.raises(SystemExit):
        train_epochs(Sum(press), 2, kept, "sum")
    run = resumed(kept)
    train_epochs(run, 2, kept, "sum")
    assert run.costs == [
        {"epoch": 1, "seconds": 3.0, "memory_mb": 5.0},
        {"epoch": 2, "seconds": 4.0, "memory_mb": 1.0},
    ]


def test_finished_sees_an_epoch_before_its_checkpoint_is_saved():
    kept, seen = checkpoints(), []

    def finished(row):
        saved = kept.resume_point()
        seen.append((row["epoch"], len(saved["history"]) if saved else 0))

    train_epochs(Sum(), 3, kept, "sum", finished)
    assert seen == [(1, 0), (2, 1), (3, 2)]


def test_progress_counts_only_the_images_seen_since_the_resume(caplog, monkeypatch):
    seen = []
    monkeypatch.setattr(
        epochs.Progress, "log", lambda self, epoch, images, shown: seen.append((epoch, images))
    )

    def press(run):
        if run.step == 9:
            os.kill(os.getpid(), signal.SIGTERM)

    kept = checkpoints()
    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit):
        train_epochs(Sum(press), 2, kept, "sum")
    assert "sum: checkpoint of epoch 1, step 10 is" in caplog.text
    train_epochs(resumed(kept), 2, kept, "sum")
    assert seen == [(0, 15 * 4), (1, STEPS * 4)]


def test_a_training_that_is_exhausted_ends(monkeypatch):
    monkeypatch.setattr(Sum, "exhausted", property(lambda self: self.epochs_done == 2))
    run = Sum()
    train_epochs(run, 9, checkpoints(), "sum")
    assert run.epochs_done == 2
