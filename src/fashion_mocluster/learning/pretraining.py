"""Momentum-contrast pretraining: the loop, its checkpoints and its history."""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.checkpoints import LAST, Checkpoints, CheckpointStore
from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.early_stopping import EarlyStopping
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.health import Diverged, effective_rank, spread, warn_of_collapse
from fashion_mocluster.learning.identity import fingerprint, seeds_for
from fashion_mocluster.learning.inputs import (
    PixelStatistics,
    normalise,
    to_device,
    to_unit_interval,
)
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.moco import MomentumContrast, info_nce
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.progress import Progress
from fashion_mocluster.learning.views import query_and_key_views
from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)

# Steps between two looks at the loss.
CHECK_EVERY = 10


@dataclass(frozen=True)
class TrainingResult:
    """Weights of the chosen epoch and one history row per epoch."""

    weights: EncoderWeights
    history: list[dict[str, float]]


def pretrain(
    images: np.ndarray,
    statistics: PixelStatistics,
    parameters: MocoParameters,
    store: CheckpointStore,
    name: str = "moco",
) -> TrainingResult:
    """Train a query encoder on ``images``, continuing from the store's last checkpoint if any.

    Args:
        images: uint8 (N, H, W).
        statistics: Pixel mean and spread, kept with the weights.
        parameters: The whole recipe.
        store: Where checkpoints are kept.
        name: The parameter group, for messages.

    Returns:
        Weights of the last epoch, or of the lowest loss where early stopping is on.

    Raises:
        ValueError: Fewer images than one batch.
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatch: The store holds another run's checkpoint.
        SystemExit: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    if len(images) < parameters.batch_size:
        raise ValueError(
            f"{name}.batch_size is {parameters.batch_size} but there are only {len(images)} images; "
            f"lower it with --params={name}.batch_size={max(2, len(images) // 4)}"
        )
    if parameters.contrast.queue_size >= len(images):
        logger.warning(
            "%s: the queue (%d) holds at least one key of every image (%d), so each image meets its "
            "own old keys as negatives; a lower %s.contrast.queue_size avoids it",
            *(name, parameters.contrast.queue_size, len(images), name),
        )
    run = PretrainingRun(images, statistics, parameters)
    checkpoints = Checkpoints(store, parameters.checkpoints, run.identity(images), name)
    state = checkpoints.resume_point()
    if state is not None:
        run.load_state_dict(state)

    logger.info(
        "%s: %d images, %d epochs, %s on %s",
        *(
            name,
            len(images),
            parameters.epochs,
            str(run.precision).removeprefix("torch."),
            run.device,
        ),
    )
    progress = Progress(name, parameters.epochs, run.epochs_done)
    with StopSignals() as signals:
        while run.epochs_done < parameters.epochs and not run.stopping.exhausted:
            first_step = run.step
            try:
                row = run.train_epoch(signals)
            except Diverged as error:
                raise FloatingPointError(
                    f"{name}: {error}; {checkpoints.last_good()}. Lower it: "
                    f"--params={name}.optimizer.learning_rate=...,"
                    f"{name}.checkpoints.on_mismatch=restart"
                ) from None
            if row is None:
                checkpoints.save(run.state_dict(), finished_epoch=None)
                where = f"epoch {run.epochs_done + 1}, step {run.step}"
                signals.leave(f"{name}: checkpoint of {where} is {store.where(LAST)}")
            if run.stopping.improved(row["loss"], row["epoch"]):
                checkpoints.save_best({"encoder": run.weights().to_dict()})
            checkpoints.save(run.state_dict(), run.epochs_done)
            warn_of_collapse(name, row)
            progress.log(
                row["epoch"] - 1,
                run.images_per_epoch - first_step * parameters.batch_size,
                {k: row[k] for k in ("loss", "learning_rate")},
            )
            signals.leave(f"{name}: checkpoint of epoch {row['epoch']} is {store.where(LAST)}")

    weights = run.weights()
    if parameters.early_stopping is not None:
        weights = EncoderWeights.from_dict(checkpoints.best()["encoder"])
    return TrainingResult(weights, run.history)


class PretrainingRun:
    """Everything that changes during pretraining; its state dict resumes it exactly.

    The order of the images and the views draw from generators of their own, so neither changes
    what the other draws.
    """

    def __init__(self, images: np.ndarray, statistics: PixelStatistics, parameters: MocoParameters):
        self.parameters, self.statistics = parameters, statistics
        self.device = pick_device(parameters.compute)
        self.precision = pick_precision(parameters.compute, self.device)
        weights_seed, queue_seed, order_seed, views_seed = seeds_for(parameters.seed, 4)
        self.images = torch.from_numpy(images).to(self.device)
        encoder = build_encoder(parameters.encoder, images.shape[1:], weights_seed)
        moco = MomentumContrast(encoder, parameters.contrast.queue_size, queue_seed)
        self.moco = moco.to(self.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.moco.query_encoder.parameters(),
            lr=parameters.optimizer.learning_rate,
            momentum=parameters.optimizer.momentum,
            weight_decay=parameters.optimizer.weight_decay,
            foreach=True,
        )
        self.order_generator = Generator().manual_seed(order_seed)
        self.views_generator = Generator(self.device).manual_seed(views_seed)
        self.stopping = EarlyStopping(parameters.early_stopping)
        self.history: list[dict[str, float]] = []
        # The epoch under way: steps done, the order of its images, what its steps gave.
        self.step = 0
        self.order = torch.empty(0, dtype=torch.long)
        self.losses = self.positives = torch.empty(0, device=self.device)

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch; the last, smaller one counts unless ``drop_last``."""
        whole, rest = divmod(len(self.images), self.parameters.batch_size)
        # A single image has no batch statistics, so it is never a batch of its own.
        return whole + (rest > 1 and not self.parameters.drop_last)

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch really sees."""
        return min(len(self.images), self.steps_per_epoch * self.parameters.batch_size)

    def train_epoch(self, signals: StopSignals | None = None) -> dict[str, float] | None:
        """One pass over the images, or what is left of it; returns and keeps its history row.

        Args:
            signals: Asked after every step; once one is received the pass is left unfinished.

        Returns:
            None if the pass is unfinished; the state dict holds the part that is done.

        Raises:
            Diverged: The loss became NaN or infinite within the last few steps.
        """
        p, epoch = self.parameters, self.epochs_done
        steps = self.steps_per_epoch
        tau = schedules.temperature(p.contrast, epoch, p.epochs)
        if self.step == 0:
            self.order = torch.randperm(len(self.images), generator=self.order_generator)
            self.losses = torch.zeros(steps, device=self.device)
            self.positives = torch.zeros(steps, device=self.device)
        order = self.order.to(self.device)
        self.moco.train()
        while self.step < steps:
            index = self.step
            rate, momentum = self._scheduled(epoch * steps + index)
            batch = self.images[order[index * p.batch_size : (index + 1) * p.batch_size]]
            self.losses[index], self.positives[index] = self.train_step(batch, rate, momentum, tau)
            self.step += 1
            stop = signals is not None and signals.received is not None
            # Looking at the loss waits for the device, so not after every step.
            if stop or self.step == steps or self.step % CHECK_EVERY == 0:
                self._check_losses()
            if stop and self.step < steps:
                return None
        row = {
            "epoch": epoch + 1,
            "loss": self.losses.mean().item(),
            "positive_similarity": self.positives.mean().item(),
            "learning_rate": rate,
            "temperature": tau,
            "key_momentum": momentum,
            "effective_rank": effective_rank(self.moco.queue),
            "spread": spread(self.moco.queue),
        }
        self.history.append(row)
        self.step = 0
        return row

    def _scheduled(self, step: int) -> tuple[float, float]:
        """Learning rate and key momentum of a step counted from the beginning of the training."""
        p, steps = self.parameters, self.parameters.epochs * self.steps_per_epoch
        rate = schedules.learning_rate(p.optimizer, step, steps, p.epochs)
        return rate, schedules.key_momentum(p.contrast, step, steps)

    def _check_losses(self) -> None:
        losses = self.losses[: self.step]
        if not losses.isfinite().all():
            bad = int((~losses.isfinite()).nonzero()[0])
            rate, _ = self._scheduled(self.epochs_done * self.steps_per_epoch + bad)
            where = f"epoch {self.epochs_done + 1}, step {bad + 1}"
            raise Diverged(losses[bad].item(), where, rate)

    def train_step(
        self, batch: Tensor, rate: float, momentum: float, tau: float
    ) -> tuple[Tensor, Tensor]:
        """One optimizer step on uint8 images (B, H, W): loss and positive similarity, 0-d."""
        p, moco = self.parameters, self.moco
        pixels = to_unit_interval(batch, p.input)
        query_view, key_view = (
            to_device(normalise(view, p.input, self.statistics), self.device)
            for view in query_and_key_views(pixels, p.views, self.views_generator)
        )
        moco.update_key_encoder(momentum)
        with autocast(self.device, self.precision):
            with torch.no_grad():
                keys = moco.key_encoder.project(key_view)
            queries = moco.query_encoder.project(query_view)
        loss, positive = info_nce(queries, keys, self._negatives(), tau)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        moco.enqueue(keys)
        return loss.detach(), positive

    def _negatives(self) -> Tensor:
        if self.parameters.contrast.queue_normalisation == "dimension":
            # The published script normalises every dimension over the queue instead of every key.
            return torch.nn.functional.normalize(self.moco.queue, dim=0)
        return self.moco.queue

    def weights(self) -> EncoderWeights:
        """The query encoder as it is now."""
        return EncoderWeights.of(self.moco.query_encoder, self.parameters.input, self.statistics)

    def identity(self, images: np.ndarray) -> dict:
        """What a checkpoint must agree with to be continued here."""
        parameters = self.parameters.model_dump(mode="json", exclude={"checkpoints"})
        return {**parameters, "images": fingerprint(images)}

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values."""
        return {
            "moco": self.moco.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order_generator": self.order_generator.get_state(),
            "views_generator": self.views_generator.get_state(),
            "precision": str(self.precision).removeprefix("torch."),
            "stopping": self.stopping.state_dict(),
            "history": self.history,
            "step": self.step,
            "order": self.order,
            "losses": self.losses,
            "positives": self.positives,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        self.moco.load_state_dict(state["moco"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order_generator.set_state(state["order_generator"].cpu())
        self.views_generator.set_state(state["views_generator"].cpu())
        # Whatever `auto` would choose today, the rest is computed like the beginning.
        self.precision = getattr(torch, state["precision"])
        self.stopping.load_state_dict(state["stopping"])
        self.history = list(state["history"])
        self.step, self.order = state["step"], state["order"]
        self.losses = state["losses"].to(self.device)
        self.positives = state["positives"].to(self.device)
