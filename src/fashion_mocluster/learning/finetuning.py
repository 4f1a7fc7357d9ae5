"""Cluster finetuning: assign, then move the encoder towards tighter clusters.

Each epoch is one full-batch step (the thesis, chapter on cluster-based finetuning). In eval mode
images do not influence each other, so the gradient with respect to the embeddings is found first
and then sent through the encoder batch by batch: exact, at the memory of one batch
(Gao et al. 2021, GradCache).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.cost import Cost, resident_bytes
from fashion_mocluster.learning.centers import LearnableCenters
from fashion_mocluster.learning.checkpoints import LAST, Checkpoints, CheckpointStore
from fashion_mocluster.learning.device import autocast, measure_on, pick_device, pick_precision
from fashion_mocluster.learning.early_stopping import EarlyStopping
from fashion_mocluster.learning.health import (
    TrainingDivergedError,
    effective_rank,
    spread,
    warn_of_collapse,
)
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.parameters import FinetuningParameters
from fashion_mocluster.learning.preprocessing import normalize, to_device, to_unit_interval
from fashion_mocluster.learning.progress import Progress
from fashion_mocluster.learning.seeding import fingerprint
from fashion_mocluster.learning.surrogate import Surrogate, surrogate_loss
from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)

T = TypeVar("T")
# Embeddings (N, D) to labels (N,).
Assign = Callable[[np.ndarray], np.ndarray]
# Labels (N,) and label-free indices to a value; the epoch with the highest is kept.
Score = Callable[[np.ndarray, Surrogate], float]


@dataclass(frozen=True)
class FinetuningResult:
    """Weights of the chosen epoch, what it assigned; one history row and one cost row (seconds, MB)
    per epoch.
    """

    weights: EncoderWeights
    assignments: np.ndarray
    history: list[dict[str, float]]
    costs: list[dict[str, float]]


def finetune(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: FinetuningParameters,
    n_clusters: int,
    assign: Assign,
    store: CheckpointStore,
    score: Score | None = None,
    name: str = "finetuning",
) -> FinetuningResult:
    """Finetune the pretrained encoder on its own clusters.

    Args:
        images: uint8 (N, H, W).
        pretrained: Where to start.
        parameters: The whole recipe.
        n_clusters: How many clusters are asked for.
        assign: Clusters detached embeddings into labels 0..n_clusters-1: before every epoch, or once
            to place learnable centers.
        store: Where checkpoints are kept.
        score: What chooses the epoch; None is the negative loss, which needs no labels.
        name: The parameter group, for messages.

    Raises:
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatchError: The store holds another run's checkpoint.
        SystemExit: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    run = FinetuningRun(images, pretrained, parameters, n_clusters, assign)
    checkpoints = Checkpoints(store, parameters.checkpoints, run.identity(images), name)
    state = checkpoints.resume_point()
    if state is not None:
        run.load_state_dict(state)

    progress = Progress(name, parameters.epochs, run.epochs_done)
    with StopSignals() as signals:
        while run.epochs_done < parameters.epochs and not run.stopping.exhausted:
            epoch = run.epochs_done + 1
            (z, labels, surrogate), cost = run.measured(run.look)
            if surrogate is None and epoch > 1:
                logger.warning(
                    "%s: in epoch %d all images fell into one cluster; training ends here with the "
                    "best epoch before. Lower %s.learning_rate",
                    *(name, epoch, name),
                )
                break
            if surrogate is None:
                raise ValueError(
                    f"{name}: all images fall into one cluster from the start, there is nothing to "
                    f"tell apart; look at the pretraining"
                )
            if not np.isfinite(surrogate.loss):
                error = TrainingDivergedError(
                    surrogate.loss, f"epoch {epoch}", parameters.learning_rate
                )
                raise FloatingPointError(
                    f"{name}: {error}; {checkpoints.last_good()}. Lower it: "
                    f"--params={name}.learning_rate=...,{name}.checkpoints.on_mismatch=restart"
                )
            value = score(labels, surrogate) if score else -surrogate.loss
            better = run.stopping.improved(-value, epoch)
            found = {"assignments": torch.from_numpy(labels)}
            if better and parameters.save_weights == "before_step":
                checkpoints.save_best({"encoder": run.weights().to_dict(), **found})
            cost += run.measured(partial(run.step, surrogate.gradient))[1]
            if better and parameters.save_weights == "after_step":
                checkpoints.save_best({"encoder": run.weights().to_dict(), **found})
            row = _row(epoch, surrogate, value, np.bincount(labels, minlength=n_clusters), z)
            run.finish_epoch(row, cost)
            checkpoints.save(run.state_dict(), run.epochs_done)
            warn_of_collapse(name, row)
            progress.log(
                epoch - 1, len(images), {"loss": surrogate.loss, "silhouette": surrogate.silhouette}
            )
            signals.leave(f"{name}: checkpoint of epoch {epoch} is {store.where(LAST)}")

    best = checkpoints.best()
    return FinetuningResult(
        EncoderWeights.from_dict(best["encoder"]),
        best["assignments"].numpy(),
        run.history,
        run.costs,
    )


def _row(
    epoch: int, surrogate: Surrogate, value: float, sizes: np.ndarray, z: Tensor
) -> dict[str, float]:
    return {
        "epoch": epoch,
        "loss": surrogate.loss,
        "silhouette": surrogate.silhouette,
        "davies_bouldin": surrogate.davies_bouldin,
        "calinski_harabasz": surrogate.calinski_harabasz,
        "selection_score": value,
        "smallest_cluster": int(sizes.min()),
        "largest_cluster": int(sizes.max()),
        "largest_share": float(sizes.max() / sizes.sum()),
        "empty_clusters": int((sizes == 0).sum()),
        "effective_rank": effective_rank(z),
        "spread": spread(z),
    }


class FinetuningRun:
    """Everything that changes during finetuning; its state dict resumes it exactly."""

    def __init__(
        self,
        images: np.ndarray,
        pretrained: EncoderWeights,
        parameters: FinetuningParameters,
        n_clusters: int,
        assign: Assign,
    ):
        self.n_clusters, self.assign = n_clusters, assign
        self.bytes_before = resident_bytes()
        if parameters.preprocessing is not None:
            pretrained = replace(pretrained, preprocessing=parameters.preprocessing)
        self.parameters, self.pretrained = parameters, pretrained
        self.device = pick_device(parameters.compute)
        self.precision = pick_precision(parameters.compute, self.device)
        self.images = torch.from_numpy(images).to(self.device)
        encoder = pretrained.build()
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last)
        # The projection head takes no part in what is clustered.
        named = self.encoder.named_parameters()
        trained = [p for n, p in named if not n.startswith("projector.")]
        self.centers: LearnableCenters | None = None
        if parameters.assign == "learnable_centers":
            dimensions = self.encoder.representation_dim
            self.centers = LearnableCenters(n_clusters, dimensions, parameters.centers)
            self.centers.to(self.device)
            trained += self.centers.parameters()
        self.optimizer = torch.optim.SGD(
            trained,
            lr=parameters.learning_rate,
            momentum=parameters.momentum,
            weight_decay=parameters.weight_decay,
            foreach=True,
        )
        self.stopping = EarlyStopping(parameters.early_stopping)
        self.history: list[dict[str, float]] = []
        self.costs: list[dict[str, float]] = []

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    def look(self) -> tuple[Tensor, np.ndarray, Surrogate | None]:
        """Embeddings (N, D) and their clusters, with loss and gradient unless there is but one.

        They all belong to the encoder as it is before the step, as do the weights kept.
        """
        z = self.embed()
        if self.centers is None:
            labels = self.assign(z.cpu().numpy())
        else:
            if self.epochs_done == 0:
                self.centers.start_from(z, self.assign(z.cpu().numpy()))
            labels = self.centers.labels(z)
        if len(np.unique(labels)) < 2:
            return z, labels, None
        if self.centers is not None:
            return z, labels, self.centers.surrogate(z, labels)
        on_device = torch.from_numpy(labels).long().to(z.device)
        return z, labels, surrogate_loss(z, on_device, self.parameters.surrogate)

    def measured(self, call: Callable[[], T]) -> tuple[T, Cost]:
        """The result of ``call`` and its cost; memory counts from the start of the training."""
        return measure_on(self.device, call, self.bytes_before)

    def finish_epoch(self, row: dict[str, float], cost: Cost) -> None:
        """Keep what the epoch gave and what it cost."""
        self.history.append(row)
        seconds, memory = cost.time_s, cost.memory_mb
        self.costs.append({"epoch": row["epoch"], "seconds": seconds, "memory_mb": memory})

    def _embed_batch(self, batch: Tensor) -> Tensor:
        w = self.pretrained
        x = normalize(to_unit_interval(batch, w.preprocessing), w.preprocessing, w.statistics)
        with autocast(self.device, self.precision):
            z = self.encoder(to_device(x, self.device))
        return F.normalize(z.float(), dim=1) if self.parameters.unit_norm else z.float()

    @torch.no_grad()
    def embed(self) -> Tensor:
        """Embeddings of all images, float32 (N, D), without gradient."""
        batches = self.images.split(self.parameters.batch_size)
        return torch.cat([self._embed_batch(batch) for batch in batches])

    def step(self, gradient: Tensor) -> None:
        """One optimizer step along d loss / d embeddings (N, D); centers have their gradient."""
        self.encoder.zero_grad()
        self.backward(gradient)
        self.optimizer.step()

    def backward(self, gradient: Tensor) -> None:
        """Send d loss / d embeddings (N, D) through the encoder, batch by batch."""
        size = self.parameters.batch_size
        for batch, part in zip(self.images.split(size), gradient.split(size), strict=True):
            self._embed_batch(batch).backward(part)

    def weights(self) -> EncoderWeights:
        """The encoder as it is now."""
        return EncoderWeights.of(
            self.encoder, self.pretrained.preprocessing, self.pretrained.statistics
        )

    def identity(self, images: np.ndarray) -> dict:
        """What a checkpoint must agree with to be continued here."""
        parameters = self.parameters.model_dump(mode="json", exclude={"checkpoints"})
        return {
            **parameters,
            "n_clusters": self.n_clusters,
            "images": fingerprint(images),
            "pretrained encoder": self.pretrained.fingerprint(),
        }

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values."""
        return {
            "encoder": self.encoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": str(self.precision).removeprefix("torch."),
            "stopping": self.stopping.state_dict(),
            "history": self.history,
            "costs": self.costs,
            "centers": self.centers.state_dict() if self.centers else {},
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        # Whatever `auto` would choose today, the rest is computed like the beginning.
        self.precision = getattr(torch, state["precision"])
        self.stopping.load_state_dict(state["stopping"])
        self.history, self.costs = list(state["history"]), list(state["costs"])
        if self.centers:
            self.centers.load_state_dict(state["centers"])
