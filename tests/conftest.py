import gc
import os
import sys
from pathlib import Path
from types import SimpleNamespace

# Two processes share the tests, so each runs on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DO_NOT_TRACK", "1")
# Kedro sets up logging when it is imported, and the project in every session. By this file and without
# the project's own pytest's handlers stay; the commands that tests start use the project's.
os.environ["KEDRO_LOGGING_CONFIG"] = str(Path(__file__).with_name("logging.yml"))
from kedro.framework.project import LOGGING  # reads the setting above

del os.environ["KEDRO_LOGGING_CONFIG"]

import numpy as np
import pytest

from fashion_mocluster.learning.parameters import MocoParameters
from tests.project_copy import copy_project, run

type(LOGGING).configure = lambda *_: None

# Where and how most tests compute, whatever the machine.
CPU = {"device": "cpu", "precision": "float32", "threads": 1}

# How many modules were imported when the garbage collector was last told to leave them alone.
_frozen_modules = 0


def pytest_runtest_setup():
    """Spare the garbage collector what was imported, as every measurement of memory collects."""
    global _frozen_modules
    if len(sys.modules) > _frozen_modules + 50:
        gc.collect()
        gc.freeze()
        _frozen_modules = len(sys.modules)


def pytest_unconfigure():
    """Let the collector clear up at the end, or extensions report leaks."""
    gc.unfreeze()


@pytest.fixture
def images():
    """64 random images of 12 x 12, uint8."""
    return np.random.default_rng(0).integers(0, 256, (64, 12, 12), dtype=np.uint8)


@pytest.fixture
def blobs():
    """Three well separated groups of 40 points in 5 dimensions, and which is which."""
    rng = np.random.default_rng(1)
    centers = np.array([[0, 0, 0, 0, 0], [9, 0, 0, 0, 0], [0, 9, 0, 0, 9.0]])
    truth = np.repeat(np.arange(3), 40)
    return centers[truth] + rng.normal(size=(120, 5)), truth


@pytest.fixture
def moco_parameters():
    """A pretraining of seconds."""
    return tiny_pretraining()


def tiny_pretraining():
    """Three epochs of four steps on 64 images."""
    return MocoParameters(
        seed=3,
        epochs=3,
        batch_size=16,
        encoder={"blocks": [1, 1], "widths": [4, 8], "projection_hidden": 8, "projection_dim": 6},
        views={
            "crop_scale": {"low": 0.5, "high": 1},
            "rotation_degrees": 10,
            "flip_probability": 0.5,
            "noise_std": 5,
        },
        contrast={
            "mechanism": "momentum_queue",
            "queue_size": 40,
            "momentum_start": 0.9,
            "momentum_end": 1,
            "temperature_start": 0.2,
            "temperature_end": 0.1,
        },
        optimizer={"learning_rate": 0.05, "warmup_epochs": 1, "schedule": "cosine"},
        checkpoints={"every_n_epochs": 1, "keep": 2},
        compute=CPU,
    )


# UMAP compiles itself for seconds in each process, so one process gets all tests that use it.
uses_umap = [pytest.mark.slow, pytest.mark.xdist_group("umap")]


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """A copy of what git holds, without results."""
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def smoke(project):
    """The default pipeline in the environment ``smoke``: where it wrote, and its messages."""
    log = run(project, env="smoke").log
    return SimpleNamespace(folder=project / "data" / "smoke", log=log)
