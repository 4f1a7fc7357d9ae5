"""The trainer of pretraining, finetuning and self-labeling.

It owns the epochs: their checkpoints, early stopping, progress, time and memory, and what happens
on divergence and on Ctrl-C. What is trained, and how a step goes, is a :class:`Training`.
"""

import copy
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fashion_mocluster.cost import resident_bytes
from fashion_mocluster.learning.checkpoints import (
    LAST,
    Checkpoints,
    CheckpointStore,
    differences,
    environment,
)
from fashion_mocluster.learning.device import dtype_name, measure_on, pick_device, pick_precision
from fashion_mocluster.learning.health import TrainingDivergedError, warn_of_collapse
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.parameters import (
    BaseFinetuningParameters,
    CheckpointParameters,
    EarlyStoppingParameters,
    MocoParameters,
    OptimizerParameters,
    PreprocessingParameters,
    SelfLabelingParameters,
)
from fashion_mocluster.learning.preprocessing import PixelStatistics, normalize, shrink, to_device
from fashion_mocluster.learning.ranks import Ranks
from fashion_mocluster.learning.seeding import fingerprint
from fashion_mocluster.learning.weights import AnyEncoder, EncoderWeights
from fashion_mocluster.memory import keep_freed_memory
from fashion_mocluster.threads import TorchThreads
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

# Steps between two looks at the loss, each of which waits for the device.
CHECK_EVERY = 10


@dataclass(frozen=True)
class TrainingResult:
    """What a training gives.

    Attributes:
        weights: Of the chosen epoch.
        history: Of each epoch its losses, rates and signs of health.
        costs: Of each epoch ``seconds``, ``memory_mb``, ``precision`` and ``threads``.
        assignments: int64 (N,), the clusters that the encoder was trained on, if any.
    """

    weights: EncoderWeights
    history: list[dict[str, float]]
    costs: list[dict]
    assignments: np.ndarray | None = None


class StopTraining(Exception):
    """Raised by a step after which training is over; the message says why."""


class Training(ABC):
    """One thing that can be trained: how a step goes, and its state.

    Attributes:
        LOGGED: Columns of the history in the line of progress.
        LEARNING_RATE: Name of that parameter in the training's group, for messages.
        STATE: Names of the attributes that change from epoch to epoch: modules, optimizers, generators,
            tensors and plain values; None for a module that there is not.
        encoder: Of whose weights the result consists; a subclass makes it.
        images: uint8 (N, H, W) or (N, H, W, 3) on the device, as the encoder sees them.
        ranks: The processes that train together.
        bytes_before: Memory of the process before the training, from which its growth is counted.
    """

    LOGGED = ("loss", "learning_rate")
    LEARNING_RATE = "optimizer.learning_rate"
    STATE: tuple[str, ...] = ()
    encoder: AnyEncoder

    def __init__(
        self,
        images: np.ndarray,
        parameters: MocoParameters | BaseFinetuningParameters | SelfLabelingParameters,
        preprocessing: PreprocessingParameters,
        statistics: PixelStatistics,
    ):
        self.bytes_before = resident_bytes()
        keep_freed_memory()
        self.parameters, self.compute = parameters, parameters.compute
        self.preprocessing, self.statistics = preprocessing, statistics
        self.ranks = Ranks.of_this_process()
        self.device = pick_device(self.compute)
        self.precision = pick_precision(self.compute, self.device)
        self.images = torch.from_numpy(shrink(images, preprocessing)).to(self.device)

    @abstractmethod
    def begin_epoch(self, epoch: int) -> Sequence[Tensor]:
        """The batches of an epoch (from 0), int64 (B,) each: places of images."""

    @abstractmethod
    def train_step(self, batch: Tensor, step: int) -> dict[str, Tensor | float]:
        """Train on a batch, the ``step``-th of its epoch (from 0).

        Returns:
            ``loss`` and ``learning_rate`` and more for the history. Of 0-d tensors the mean over the
            epoch is taken, of plain numbers the last.

        Raises:
            StopTraining: The epoch does not count and training is over.
        """

    @abstractmethod
    def trial_step(self) -> None:
        """A small part of a step, to find the best number of threads by; may change the state."""

    def end_epoch(self) -> dict[str, float]:
        """More columns for the history."""
        return {}

    def monitored(self, row: dict[str, float]) -> float | None:
        """The value of an epoch by which the best is found (lower is better); None for no choice."""
        return None

    def best(self) -> dict:
        """What is stored of the best epoch, right after it."""
        return {"encoder": self.weights().to_dict()}

    def network_input(self, pixels: Tensor) -> Tensor:
        """What the encoder takes, on the device, of pixels (B, C, H, W) in [0, 1]."""
        return to_device(normalize(pixels, self.preprocessing, self.statistics), self.device)

    def weights(self) -> EncoderWeights:
        """A copy of the encoder's present weights."""
        return EncoderWeights.of(self.encoder, self.preprocessing, self.statistics)

    def fingerprint(self) -> dict:
        """All that the result depends on, as nested plain values: parameters, images and more."""
        parameters = self.parameters.model_dump(mode="json", exclude={"checkpoints", "compute"})
        return {**parameters, "images": fingerprint(self.images.cpu().numpy())}

    def state_dict(self) -> dict:
        """All that changes from epoch to epoch, as tensors and plain values."""
        return {name: _state_of(getattr(self, name)) for name in self.STATE}

    def load_state_dict(self, state: dict) -> None:
        """Continue from a state dict of the same training."""
        for name in self.STATE:
            part, stored = getattr(self, name), state[name]
            if hasattr(part, "load_state_dict"):
                part.load_state_dict(stored)
            elif isinstance(part, torch.Generator):
                part.set_state(stored.cpu())
            elif part is not None:
                setattr(self, name, stored.to(part.device) if torch.is_tensor(part) else stored)


def _state_of(part: Any) -> Any:
    if part is None:
        return {}
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part.state_dict() if hasattr(part, "state_dict") else part


def sgd(
    trained: Iterable[nn.Parameter], recipe: OptimizerParameters | BaseFinetuningParameters
) -> torch.optim.SGD:
    """SGD with the momentum and the weight decay of a recipe, at its learning rate."""
    return torch.optim.SGD(
        trained,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        foreach=True,
    )


class EarlyStopping:
    """The best value so far (lower is better) and its age in epochs; without parameters never stops."""

    def __init__(self, parameters: EarlyStoppingParameters | None):
        self.parameters = parameters
        self.best, self.waited = math.inf, 0

    def improved(self, value: float) -> bool:
        """Record an epoch's value; True if it is the best yet by at least ``min_delta``."""
        better = value < self.best - (self.parameters.min_delta if self.parameters else 0)
        self.best, self.waited = (value, 0) if better else (self.best, self.waited + 1)
        return better

    @property
    def should_stop(self) -> bool:
        """True once ``patience`` epochs in a row brought no improvement."""
        return self.parameters is not None and self.waited >= self.parameters.patience


class Trainer:
    """Trains for a number of epochs, continuing from the store's last checkpoint if any.

    Attributes:
        history, costs: As in :class:`TrainingResult`.
        checkpoints: Those of this training.
    """

    def __init__(
        self,
        training: Training,
        epochs: int,
        store: CheckpointStore,
        checkpoints: CheckpointParameters,
        early_stopping: EarlyStoppingParameters | None,
        name: str,
    ):
        self.training, self.epochs, self.name = training, epochs, name
        compute = {"device": training.device.type, "precision": training.compute.precision}
        fingerprint = {**training.fingerprint(), "compute": compute}
        self.checkpoints = Checkpoints(store, checkpoints, fingerprint, name)
        self.stopping = EarlyStopping(early_stopping)
        self.history: list[dict[str, float]] = []
        self.costs: list[dict] = []

    def fit(self) -> "Trainer":
        """Train until all epochs are done or nothing improves any more.

        Raises:
            TrainingDivergedError: The loss became NaN or infinite.
            CheckpointMismatchError: The store holds another run's checkpoint.
            SystemExit: Ctrl-C or SIGTERM came. The epoch that was running is lost, no other.
        """
        training, begun_with = self.training, self._resume()
        with StopSignals() as signals, self._threads(begun_with) as threads:
            self._log_start(begun_with)
            first = len(self.history)
            while len(self.history) < self.epochs and not self.stopping.should_stop:
                epoch = len(self.history) + 1
                try:
                    row, cost = measure_on(
                        training.device,
                        lambda: self.run_epoch(signals, threads),
                        training.bytes_before,
                    )
                except StopTraining as reason:
                    logger.warning(
                        "%s: training ends before epoch %d: %s", self.name, epoch, reason
                    )
                    break
                if row is None:
                    signals.leave(
                        f"{self.name}: the unfinished epoch {epoch} is lost and will be repeated; "
                        f"{self.checkpoints.latest()}"
                    )
                self.history.append(row)
                self.costs.append(
                    {
                        "epoch": epoch,
                        "seconds": cost.time_s,
                        "memory_mb": cost.memory_mb,
                        "precision": dtype_name(training.precision),
                        "threads": threads.count,
                    }
                )
                value = training.monitored(row)
                if value is not None and self.stopping.improved(value):
                    self.checkpoints.save_best(training.best())
                self.checkpoints.save(self.state_dict(), epoch)
                warn_of_collapse(self.name, row)
                self._log_progress(row, first)
                place = self.checkpoints.store.where(LAST)
                signals.leave(f"{self.name}: checkpoint of epoch {epoch} is {place}")
        return self

    def run_epoch(self, signals: StopSignals, threads: TorchThreads) -> dict[str, float] | None:
        """Train for one epoch; its history, or None if a signal left it unfinished."""
        epoch, values = len(self.history), []
        batches = self.training.begin_epoch(epoch)
        self.images_per_epoch = sum(map(len, batches))
        threads.restart()
        for step, batch in enumerate(batches):
            values.append(self.training.train_step(batch, step))
            last = step + 1 == len(batches)
            if signals.received and not last:
                return None
            if last or (step + 1) % CHECK_EVERY == 0:
                self._check_finite(values)
                threads.observe(step % CHECK_EVERY + 1)
        summary = {
            key: torch.stack([v[key] for v in values]).mean().item() if torch.is_tensor(x) else x
            for key, x in values[-1].items()
        }
        return {"epoch": epoch + 1, **summary, **self.training.end_epoch()}

    def _check_finite(self, values: list[dict]) -> None:
        losses = torch.stack([value["loss"] for value in values])
        if losses.isfinite().all():
            return
        bad = int((~losses.isfinite()).nonzero()[0])
        where = f"epoch {len(self.history) + 1}, step {bad + 1}"
        raise TrainingDivergedError(
            f"{self.name}: the loss became {losses[bad].item()} in {where} at learning rate "
            f"{values[bad]['learning_rate']:.4g}; {self.checkpoints.latest()}. Lower the rate: "
            f"--params={self.name}.{self.training.LEARNING_RATE}=...,"
            f"{self.name}.checkpoints.on_mismatch=restart"
        )

    def state_dict(self) -> dict:
        """All that is needed to continue exactly after the last finished epoch."""
        return {
            "training": self.training.state_dict(),
            "precision": dtype_name(self.training.precision),
            "stopping": {"best": self.stopping.best, "waited": self.stopping.waited},
            "history": self.history,
            "costs": self.costs,
        }

    def _resume(self) -> dict | None:
        """Load the checkpoint to continue from; the environment that it was made in."""
        state = self.training.ranks.of_first(self.checkpoints.resume)
        if state is None:
            return None
        training = self.training
        training.load_state_dict(state["training"])
        self.stopping.best, self.stopping.waited = state["stopping"].values()
        self.history, self.costs = list(state["history"]), list(state["costs"])
        if state["precision"] != (now := dtype_name(training.precision)):
            logger.warning(
                "%s: continuing in %s, as it began, although this machine would now choose %s",
                self.name,
                state["precision"],
                now,
            )
            training.precision = getattr(torch, state["precision"])
        return state["environment"]

    def _threads(self, begun_with: dict | None) -> TorchThreads:
        """The number of threads is measured by steps that leave the training as it was."""
        training = self.training

        def work() -> None:
            before = copy.deepcopy(training.state_dict())
            training.trial_step()
            training.load_state_dict(before)

        setting = training.compute.threads
        if setting == "auto" and training.device.type != "cpu":
            setting = torch.get_num_threads()
        return TorchThreads(self.name, setting, work, begun_with and begun_with["threads"])

    def _log_start(self, begun_with: dict | None) -> None:
        for line in differences(begun_with or environment(), environment()):
            logger.warning(
                "%s: results may differ in the last digits, the checkpoint was made with another %s",
                self.name,
                line,
            )
        logger.info(
            "%s: %s in %s on %s, threads=%d",
            self.name,
            counted(self.epochs, "epoch"),
            dtype_name(self.training.precision),
            self.training.device,
            torch.get_num_threads(),
        )

    def _log_progress(self, row: dict[str, float], first: int) -> None:
        seconds = [cost["seconds"] for cost in self.costs[first:]]
        left = round(sum(seconds) / len(seconds) * (self.epochs - row["epoch"]))
        logger.info(
            "%s: epoch %d/%d  %s  %.0f images/s  %d:%02d left",
            self.name,
            row["epoch"],
            self.epochs,
            "  ".join(f"{key} {row[key]:.4f}" for key in self.training.LOGGED),
            self.images_per_epoch / seconds[-1],
            *divmod(left, 60),
        )
