"""A pretraining, a finetuning and their files, in seconds; and ways to die meanwhile."""

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from kedro_datasets.pandas import CSVDataset
from sklearn.cluster import KMeans

from fashion_mocluster.datasets.checkpoints import FolderStore
from fashion_mocluster.datasets.weights import TorchWeightsDataset, load_tensors
from fashion_mocluster.learning.finetuning import finetune
from fashion_mocluster.learning.parameters import KMeansFinetuningParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from fashion_mocluster.learning.weights import EncoderWeights
from tests.conftest import CPU, tiny_pretraining

EPOCHS = 6
FINETUNING = KMeansFinetuningParameters(
    seed=0,
    epochs=EPOCHS,
    assign="kmeans",
    learning_rate=0.05,
    batch_size=16,
    checkpoints={"every_n_epochs": 2, "keep": 2},
    compute=CPU,
)
# Where in the writing of a file a process can die.
STAGES = ("half written", "before sync", "before rename", "after rename")


def train(folder: Path) -> None:
    """Pretrain and finetune on random images, with checkpoints, weights and histories as files."""
    torch.set_num_threads(1)
    logging.disable()  # random images collapse, and say so
    images = np.random.default_rng(0).integers(0, 256, (64, 12, 12), dtype=np.uint8)
    recipe = tiny_pretraining().model_copy(update={"epochs": EPOCHS})
    pretrained = pretrain(images, PixelStatistics(127, 70), recipe, FolderStore(folder / "moco"))
    _save_weights(folder / "moco.pt", pretrained.weights)
    _save_table(folder / "moco.csv", pretrained.history)
    tuned = finetune(
        images,
        pretrained.weights,
        FINETUNING,
        3,
        lambda z: KMeans(3, n_init=2, random_state=0).fit_predict(z),
        FolderStore(folder / "finetuning"),
    )
    _save_weights(folder / "tuned.pt", tuned.weights)
    _save_table(folder / "tuned.csv", tuned.history)
    _save_table(folder / "assignments.csv", [{"cluster": c} for c in tuned.assignments])


def _save_weights(path: Path, weights: EncoderWeights) -> None:
    content = f"{EncoderWeights.__module__}.{EncoderWeights.__qualname__}"
    TorchWeightsDataset(filepath=str(path), content=content).save(weights)


def _save_table(path: Path, rows: list[dict]) -> None:
    CSVDataset(filepath=str(path), save_args={"index": False}).save(pd.DataFrame(rows))


def train_and_die(folder: Path, write: int, stage: str) -> None:
    """The same, killed at a stage of the ``write``-th file that is written atomically, from 0."""
    count = -1

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable, here: str, after: bool = False) -> Callable:
        def watched(*arguments):
            nonlocal count
            count += here == stage
            due = here == stage and count == write
            if due and here == "half written":
                path, content = arguments
                call(path, content[: len(content) // 2])
            if due and not after:
                die()
            result = call(*arguments)
            if due:
                die()
            return result

        return watched

    # Nothing restores these, because the process ends here.
    Path.write_bytes = counted(Path.write_bytes, "half written")
    os.fsync = counted(os.fsync, "before sync")
    os.replace = counted(counted(os.replace, "before rename"), "after rename", after=True)
    train(folder)


def result(folder: Path) -> dict[str, bytes]:
    """The content of every file that the user sees, by name: bytes, of torch files the values."""
    return {
        str(path.relative_to(folder)): (
            _plain(load_tensors(path)) if path.suffix == ".pt" else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _plain(content: object) -> bytes:
    """All values bit for bit; equal ones may be stored in other ways after a resume. What they
    cost in time and memory is another every time.
    """
    if isinstance(content, torch.Tensor):
        return f"{content.dtype}{tuple(content.shape)}".encode() + content.numpy().tobytes()
    if isinstance(content, dict):
        return b"{%s}" % b",".join(
            _plain(k) + b":" + _plain(v) for k, v in content.items() if k not in ("costs", "spent")
        )
    if isinstance(content, (list, tuple)):
        return b"[%s]" % b",".join(map(_plain, content))
    return repr(content).encode()


def half_written(folder: Path) -> list[str]:
    """Weights, checkpoints and arrays that cannot be read whole, among those that the user sees.

    Tables and figures are not among them: they may be cut off by a kill, and the next run, which
    is compared bit for bit, makes them again in seconds.
    """
    broken = []
    for path in folder.rglob("*"):
        if path.suffix not in (".pt", ".npy") or path.name.startswith("."):
            continue
        try:
            load_tensors(path) if path.suffix == ".pt" else np.load(path)
        except Exception:  # whatever the reader says, the file is not whole
            broken.append(str(path.relative_to(folder)))
    return broken
