"""Training by minibatches: epochs that can be stopped in the middle, their checkpoints and costs."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Generator

from fashion_mocluster.cost import Cost, resident_bytes
from fashion_mocluster.learning.checkpoints import LAST, Checkpoints
from fashion_mocluster.learning.device import measure_on, pick_device, pick_precision
from fashion_mocluster.learning.health import TrainingDivergedError, warn_of_collapse
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.parameters import ComputeParameters
from fashion_mocluster.learning.progress import Progress

# Steps between two looks at the loss.
CHECK_EVERY = 10


class EpochRun(ABC):
    """A training under way, of which an epoch may be half done.

    The order of the images and the views draw from generators of their own, so neither changes
    what the other draws.

    Args:
        compute: Where, and in which precision.
        order_seed, views_seed: Seeds of the two generators.

    Attributes:
        history: One row per finished epoch.
        costs: Epoch, seconds and MB of each.
        step: Steps done of the epoch under way.
        order: int64, the images of the epoch under way as they are seen.
        losses: float32 (steps of an epoch,), those done filled in.
        batch_size: Images in a batch.
    """

    # Columns of the history in the line of progress.
    SHOWN = ("loss", "learning_rate")
    batch_size: int

    def __init__(self, compute: ComputeParameters, order_seed: int, views_seed: int):
        self.bytes_before = resident_bytes()
        self.device = pick_device(compute)
        self.precision = pick_precision(compute, self.device)
        self.order_generator = Generator().manual_seed(order_seed)
        self.views_generator = Generator(self.device).manual_seed(views_seed)
        self.history: list[dict[str, float]] = []
        self.costs: list[dict[str, float]] = []
        self.step = 0
        self.order = torch.empty(0, dtype=torch.long)
        self.losses = torch.empty(0, device=self.device)
        self.spent = Cost(0, 0)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    @property
    def exhausted(self) -> bool:
        """Whether the training should end before its time."""
        return False

    @property
    @abstractmethod
    def images_per_epoch(self) -> int:
        """Images that one epoch really sees."""

    @abstractmethod
    def train_epoch(self, signals: StopSignals | None = None) -> dict[str, float] | None:
        """One pass over the images, or what is left of it; returns and keeps its history row.

        Args:
            signals: Asked after every step; once one is received the pass is left unfinished.

        Returns:
            None if the pass is unfinished; the state dict holds the part that is done.

        Raises:
            TrainingDivergedError: The loss became NaN or infinite within the last few steps.
        """

    @abstractmethod
    def rate_at(self, step: int) -> float:
        """Learning rate of a step of the epoch under way."""

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values; what a training
        has beyond this class it adds.
        """
        return {
            "order_generator": self.order_generator.get_state(),
            "views_generator": self.views_generator.get_state(),
            "precision": str(self.precision).removeprefix("torch."),
            "history": self.history,
            "costs": self.costs,
            "step": self.step,
            "order": self.order,
            "losses": self.losses,
            "spent": vars(self.spent),
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        self.order_generator.set_state(state["order_generator"].cpu())
        self.views_generator.set_state(state["views_generator"].cpu())
        # Whatever `auto` would choose today, the rest is computed like the beginning.
        self.precision = getattr(torch, state["precision"])
        self.history, self.costs = list(state["history"]), list(state["costs"])
        self.step, self.order = state["step"], state["order"]
        self.losses = state["losses"].to(self.device)
        self.spent = Cost(**state["spent"])

    def measured_epoch(self, signals: StopSignals | None = None) -> dict[str, float] | None:
        """:meth:`train_epoch`, and its cost kept."""
        row, cost = measure_on(self.device, lambda: self.train_epoch(signals), self.bytes_before)
        self.spent += cost
        if row is not None:
            seconds, memory = self.spent.time_s, self.spent.memory_mb
            self.costs.append({"epoch": row["epoch"], "seconds": seconds, "memory_mb": memory})
            self.spent = Cost(0, 0)
        return row

    def count_step(self, signals: StopSignals | None) -> bool:
        """Count a step whose loss is filled in; True if the epoch is to be left unfinished.

        Raises:
            TrainingDivergedError: One of the last losses is NaN or infinite.
        """
        self.step += 1
        stop, over = signals is not None and signals.received is not None, len(self.losses)
        # Looking at the loss waits for the device, so not after every step.
        if stop or self.step == over or self.step % CHECK_EVERY == 0:
            losses = self.losses[: self.step]
            if not losses.isfinite().all():
                bad = int((~losses.isfinite()).nonzero()[0])
                where = f"epoch {self.epochs_done + 1}, step {bad + 1}"
                raise TrainingDivergedError(losses[bad].item(), where, self.rate_at(bad))
        return stop and self.step < over


def train_epochs(
    run: EpochRun,
    epochs: int,
    checkpoints: Checkpoints,
    name: str,
    finished: Callable[[dict[str, float]], None] = lambda row: None,
) -> None:
    """Train until ``epochs`` are done, with a checkpoint and a line of progress after each.

    Args:
        name: The parameter group, for messages.
        finished: Sees the history row of every epoch before its checkpoint is saved.

    Raises:
        FloatingPointError: The loss became NaN or infinite.
        SystemExit: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    place = checkpoints.store.where(LAST)
    progress = Progress(name, epochs, run.epochs_done)
    with StopSignals() as signals:
        while run.epochs_done < epochs and not run.exhausted:
            first_step = run.step
            try:
                row = run.measured_epoch(signals)
            except TrainingDivergedError as error:
                raise FloatingPointError(
                    f"{name}: {error}; {checkpoints.last_good()}. Lower it: "
                    f"--params={name}.optimizer.learning_rate=...,"
                    f"{name}.checkpoints.on_mismatch=restart"
                ) from None
            if row is None:
                checkpoints.save(run.state_dict(), finished_epoch=None)
                where = f"epoch {run.epochs_done + 1}, step {run.step}"
                signals.leave(f"{name}: checkpoint of {where} is {place}")
            finished(row)
            checkpoints.save(run.state_dict(), run.epochs_done)
            warn_of_collapse(name, row)
            seen = run.images_per_epoch - first_step * run.batch_size
            progress.log(row["epoch"] - 1, seen, {key: row[key] for key in run.SHOWN})
            signals.leave(f"{name}: checkpoint of epoch {row['epoch']} is {place}")
