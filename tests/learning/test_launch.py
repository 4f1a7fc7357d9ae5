"""One training in several processes gives what one process gives."""

import os
import pickle
import signal

import numpy as np
import pytest
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from fashion_mocluster.datasets.checkpoints import FolderStore
from fashion_mocluster.learning.health import TrainingDivergedError
from fashion_mocluster.learning.launch import ProcessLostError, child_error
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from tests.conftest import tiny_pretraining
from tests.learning.stores import MemoryStore

STATISTICS = PixelStatistics(127, 70)


def recipe(processes=1, **changes):
    """20 steps with four BatchNorm groups, which the processes share; of a rate at which differences in
    the last digits do not grow.
    """
    tiny = tiny_pretraining().model_dump()
    compute = {**tiny["compute"], "processes": processes}
    encoder = {**tiny["encoder"], "projection_batchnorm": True}
    optimizer = {**tiny["optimizer"], "learning_rate": 0.01}
    ours = {"epochs": 5, "batch_size": 32, "bn_splits": 4}
    groups = {"compute": compute, "encoder": encoder, "optimizer": optimizer}
    return MocoParameters(**{**tiny, **ours, **groups, **changes})


class KillingStore(FolderStore):
    """Kills its process as soon as the fourth epoch is stored."""

    def save(self, name, state):
        super().save(name, state)
        if name == "last" and len(state["history"]) == 4:
            os.kill(os.getpid(), signal.SIGKILL)


def largest_difference(a, b):
    return max((a.state[name] - value).abs().max().item() for name, value in b.state.items())


@pytest.mark.slow
def test_two_processes_give_what_one_gives_even_if_one_goes_on_for_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (128, 12, 12), dtype=np.uint8)
    one = pretrain(images, STATISTICS, recipe(), MemoryStore())
    with pytest.raises(ProcessLostError, match="moco: process 0 was killed by SIGKILL"):
        pretrain(images, STATISTICS, recipe(2), KillingStore(tmp_path))
    resumed = pretrain(images, STATISTICS, recipe(), FolderStore(tmp_path))
    assert largest_difference(resumed.weights, one.weights) < 1e-5
    for row, other in zip(resumed.history, one.history, strict=True):
        assert row == pytest.approx(other, abs=1e-4)
    # Other groups give something else.
    two_groups = pretrain(images, STATISTICS, recipe(bn_splits=2), MemoryStore())
    assert largest_difference(two_groups.weights, one.weights) > 1e-3


def test_an_error_on_purpose_comes_back_as_it_is(tmp_path):
    raised = TrainingDivergedError("moco: the loss became nan in epoch 3")
    (tmp_path / "0-error.pickle").write_bytes(pickle.dumps(raised))
    failed = ChildFailedError("", {0: ProcessFailure(0, 1, exitcode=1, error_file="")})
    error = child_error(tmp_path, failed, "moco")
    assert type(error) is TrainingDivergedError
    assert str(error) == str(raised)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bn_splits": 1}, r"bn_splits \(1\) must be divisible by the number of processes \(2\)"),
        ({"drop_last": False}, "2 processes need batches of equal size"),
        ({"compute": {"processes": 2, "nodes": 2}}, "several nodes need a rendezvous"),
        ({"compute": {"rendezvous": "host:29500"}}, "several nodes need a rendezvous"),
    ],
)
def test_what_cannot_be_shared_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        recipe(2, **changes)
