"""Several processes give what one process gives."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.cluster import KMeans
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from fashion_mocluster.datasets.checkpoints import FolderStore
from fashion_mocluster.learning import backbone, launch
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.health import TrainingDivergedError
from fashion_mocluster.learning.launch import ProcessLostError, child_error, file_of, in_processes
from fashion_mocluster.learning.parameters import (
    BackboneParameters,
    EmbeddingParameters,
    MocoParameters,
    SelfLabelingParameters,
)
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from fashion_mocluster.learning.self_labeling import self_label
from tests.conftest import CPU, tiny_pretraining
from tests.learning.in_ranks import KillingStore, by_largest_feature, fail_in_the_last
from tests.learning.stores import MemoryStore, weights_of
from tests.project_copy import PROJECT, project_parameters

# Processes are forks of one that has imported what they need, which is done once.
pytestmark = pytest.mark.xdist_group("processes")
STATISTICS = PixelStatistics(127, 70)


def recipe(processes=1, **changes):
    """20 steps with four BatchNorm groups, which the processes share; of a rate at which differences in
    the last digits hardly grow.
    """
    tiny = tiny_pretraining().model_dump()
    compute = {**tiny["compute"], "processes": processes}
    encoder = {**tiny["encoder"], "projection_batchnorm": True}
    optimizer = {**tiny["optimizer"], "learning_rate": 0.001}
    ours = {"epochs": 5, "batch_size": 32, "bn_splits": 4}
    groups = {"compute": compute, "encoder": encoder, "optimizer": optimizer}
    return MocoParameters(**{**tiny, **ours, **groups, **changes})


def largest_difference(a, b):
    return max(
        (a.state[name] - value).abs().max().item()
        for name, value in b.state.items()
        if value.is_floating_point()  # how many batches BatchNorm saw is no weight
    )


@pytest.mark.slow
def test_two_processes_give_what_one_gives_even_if_one_goes_on_for_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (128, 12, 12), dtype=np.uint8)
    one = pretrain(images, STATISTICS, recipe(), MemoryStore())
    with pytest.raises(ProcessLostError, match="moco: process 0 was killed by SIGKILL"):
        pretrain(images, STATISTICS, recipe(2), KillingStore(tmp_path))
    resumed = pretrain(images, STATISTICS, recipe(), FolderStore(tmp_path))
    # A unit that the last digit switches on or off moves more than these.
    assert largest_difference(resumed.weights, one.weights) < 1e-3
    for row, other in zip(resumed.history, one.history, strict=True):
        assert row == pytest.approx(other, abs=1e-3)
    # Other groups give something else.
    two_groups = pretrain(images, STATISTICS, recipe(bn_splits=2), MemoryStore())
    assert largest_difference(two_groups.weights, one.weights) > 1e-2


@pytest.mark.slow
def test_two_processes_end_in_the_same_clusters():
    """On the images of the environment ``smoke``, by its recipe with two BatchNorm groups."""
    rows = pd.read_csv(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz", nrows=200)
    images = rows.drop(columns="label").to_numpy(np.uint8).reshape(-1, 28, 28)
    smoke = project_parameters("smoke")["moco"] | {"bn_splits": 2}
    clusters = []
    for processes in (1, 2):
        compute = {**CPU, "processes": processes}
        recipe = MocoParameters(**{**smoke, "compute": compute})
        weights = pretrain(images, STATISTICS, recipe, MemoryStore()).weights
        z = embed(images, weights, EmbeddingParameters(compute={"device": "cpu", "threads": 1}))
        clusters.append(KMeans(10, n_init=2, random_state=0).fit_predict(z))
    np.testing.assert_array_equal(*clusters)


@pytest.mark.slow
def test_two_processes_label_themselves_as_one_does(tmp_path, images):
    pretrained = weights_of()

    def train(processes, store, bn_splits=2):
        parameters = SelfLabelingParameters(
            **{"assign": "turtle", "seed": 4, "n_rounds": 2, "epochs": 2, "batch_size": 8},
            **{"neighbor_agreement_threshold": 0.5, "temperature": 0.2, "bn_splits": bn_splits},
            views=recipe().views,
            optimizer={"learning_rate": 0.01},
            compute={**CPU, "processes": processes},
        )
        embedding = EmbeddingParameters(compute=CPU)
        return self_label(images, pretrained, parameters, 3, embedding, by_largest_feature, store)

    one = train(1, MemoryStore())
    with pytest.raises(ProcessLostError, match="self_labeling: process 0 was killed by SIGKILL"):
        train(2, KillingStore(tmp_path))
    two = train(2, FolderStore(tmp_path))
    assert largest_difference(two.weights, one.weights) < 1e-5
    np.testing.assert_array_equal(two.assignments, one.assignments)
    for row, other in zip(two.history, one.history, strict=True):
        assert row == pytest.approx(other, abs=1e-4)
    assert largest_difference(train(1, MemoryStore(), bn_splits=1).weights, one.weights) > 1e-4


class MeanColors(torch.nn.Module):
    """Stands in for a pretrained network."""

    def __init__(self):
        super().__init__()
        self.pretrained_cfg = {"mean": [0.5] * 3, "std": [0.2] * 3}

    def forward(self, x):
        return x.mean((2, 3))


@pytest.mark.parametrize("mode", ["r", "c"])
def test_images_that_are_all_of_a_file_are_not_copied(images, tmp_path, mode):
    np.save(tmp_path / "all.npy", images)
    images.tofile(tmp_path / "bare")
    mapped = np.load(tmp_path / "all.npy", mmap_mode=mode)
    assert file_of(mapped, tmp_path) == tmp_path / "all.npy"
    bare = np.memmap(tmp_path / "bare", np.uint8, mode, shape=images.shape)
    others = [images, mapped[:9], mapped[::-1], mapped[:, ::-1], mapped[[1, 0]], bare]
    if mode == "c":
        changed = np.load(tmp_path / "all.npy", mmap_mode=mode)
        changed[5] = 0
        others.append(changed)
    for other in others:
        copy = file_of(other, tmp_path)
        assert copy == tmp_path / "images.npy"
        np.testing.assert_array_equal(np.load(copy), other)


def test_processes_describe_their_shares_of_the_images(images, tmp_path, monkeypatch):
    np.save(tmp_path / "all.npy", images)
    images = np.load(tmp_path / "all.npy", mmap_mode="c")
    monkeypatch.setattr(np, "save", None)  # a copy would raise
    monkeypatch.setattr(launch, "START_METHOD", "fork")  # which the stand-in gets through
    monkeypatch.setattr(backbone, "load_backbone", lambda _: MeanColors())
    changes = {"name": "mean colors", "image_size": 32, "pooling": "network", "batch_size": 4}
    one, two = (
        backbone.embed_with_backbone(
            images,
            BackboneParameters(**changes, compute={**CPU, "processes": processes}),
            np.arange(0, 63, 3),
        )
        for processes in (1, 2)
    )
    assert one.shape == (21, 3)
    np.testing.assert_array_equal(two, one)


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ("lookup", RuntimeError, r"moco: process 1:\nTraceback[\s\S]*in_ranks.py[\s\S]*KeyError"),
        ("kill", ProcessLostError, "moco: process . .* run the same command again"),
    ],
)
def test_a_bug_has_its_traceback_and_a_lost_process_the_cure(images, how, error, message):
    """Even where it is another process that is found ended first, for it waited for that one."""
    with pytest.raises(error, match=message) as raised:
        in_processes(fail_in_the_last, "moco", images, parameters=recipe(2), how=how)
    assert type(raised.value) is error


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
