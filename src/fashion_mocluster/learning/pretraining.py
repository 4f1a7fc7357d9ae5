"""Momentum-contrast pretraining: the loop, its checkpoints and its history."""

import logging
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.checkpoints import FORMAT, CheckpointStore, resume_point
from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.early_stopping import EarlyStopping
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.identity import fingerprint, seeds_for
from fashion_mocluster.learning.inputs import (
    PixelStatistics,
    normalise,
    to_device,
    to_unit_interval,
)
from fashion_mocluster.learning.moco import MomentumContrast, info_nce
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.progress import Progress
from fashion_mocluster.learning.views import query_and_key_views
from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)


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
        store: Gets ``last`` and ``best`` every epoch and ``epoch_NNNN`` now and then.
        name: The parameter group, for messages.

    Returns:
        Weights of the last epoch, or of the lowest loss where early stopping is on.

    Raises:
        ValueError: Fewer images than one batch.
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatch: The store holds another run's checkpoint.
    """
    if len(images) < parameters.batch_size:
        raise ValueError(
            f"{name}.batch_size is {parameters.batch_size} but there are only {len(images)} images; "
            f"lower it with --params={name}.batch_size={max(2, len(images) // 4)}"
        )
    run = PretrainingRun(images, statistics, parameters)
    identity = run.identity(images)
    state = resume_point(store, identity, parameters.checkpoints.on_mismatch, name)
    if state is not None:
        run.load_state_dict(state)
        logger.info("%s: continuing after epoch %d", name, run.epochs_done)

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
    while run.epochs_done < parameters.epochs and not run.stopping.exhausted:
        row = run.train_epoch()
        improved = run.stopping.improved(row["loss"], row["epoch"])
        state = {"format": FORMAT, "identity": identity, **run.state_dict()}
        if improved:
            store.save("best", {"format": FORMAT, "encoder": run.weights().to_dict()})
        if run.epochs_done % parameters.checkpoints.every_n_epochs == 0:
            store.save(f"epoch_{run.epochs_done:04d}", state)
            store.prune("epoch_", parameters.checkpoints.keep)
        store.save("last", state)
        progress.log(
            row["epoch"] - 1, run.images_per_epoch, {k: row[k] for k in ("loss", "learning_rate")}
        )

    weights = run.weights()
    if parameters.early_stopping is not None:
        weights = EncoderWeights.from_dict(store.load("best")["encoder"])
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

    def train_epoch(self) -> dict[str, float]:
        """One pass over the images; returns and keeps its history row."""
        p, epoch = self.parameters, self.epochs_done
        steps = self.steps_per_epoch
        tau = schedules.temperature(p.contrast, epoch, p.epochs)
        order = torch.randperm(len(self.images), generator=self.order_generator).to(self.device)
        self.moco.train()
        losses = torch.zeros(steps, device=self.device)
        positives = torch.zeros(steps, device=self.device)
        for index in range(steps):
            step = epoch * steps + index
            rate = schedules.learning_rate(p.optimizer, step, p.epochs * steps, p.epochs)
            momentum = schedules.key_momentum(p.contrast, step, p.epochs * steps)
            batch = self.images[order[index * p.batch_size : (index + 1) * p.batch_size]]
            losses[index], positives[index] = self.train_step(batch, rate, momentum, tau)
        if not losses.isfinite().all():
            bad = int((~losses.isfinite()).nonzero()[0])
            raise FloatingPointError(
                f"the loss became {losses[bad].item()} in epoch {epoch + 1}, step {bad + 1}, near "
                f"learning rate {rate:.4g}; lower optimizer.learning_rate, or run again to go on "
                "from the last good checkpoint"
            )
        row = {
            "epoch": epoch + 1,
            "loss": losses.mean().item(),
            "positive_similarity": positives.mean().item(),
            "learning_rate": rate,
            "temperature": tau,
            "key_momentum": momentum,
            "effective_rank": effective_rank(self.moco.queue),
        }
        self.history.append(row)
        return row

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


@torch.no_grad()
def effective_rank(vectors: Tensor) -> float:
    """Exp of the entropy of the normalised singular values (Roy and Vetterli 2007).

    Near 1 when all vectors (N, D) point the same way: the sign of a collapsed encoder.
    """
    values = torch.linalg.svdvals(vectors.float().cpu())
    share = values / values.sum()
    return float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))
