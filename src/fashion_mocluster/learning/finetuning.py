"""Cluster finetuning: assign, then move the encoder towards tighter clusters.

Each epoch is one full-batch step (the thesis, chapter on cluster-based finetuning). In eval mode
images do not influence each other, so the gradient with respect to the embeddings is found first
and then sent through the encoder batch by batch: exact, at the memory of one batch
(Gao et al. 2021, GradCache).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning.checkpoints import FORMAT, CheckpointStore, resume_point
from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.early_stopping import EarlyStopping
from fashion_mocluster.learning.identity import fingerprint
from fashion_mocluster.learning.inputs import normalise, to_device, to_unit_interval
from fashion_mocluster.learning.parameters import FinetuningParameters
from fashion_mocluster.learning.progress import Progress
from fashion_mocluster.learning.surrogate import Surrogate, surrogate_loss
from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)

# Embeddings (N, D) to labels (N,).
Assign = Callable[[np.ndarray], np.ndarray]
# Labels (N,) and label-free indices to a value; the epoch with the highest is kept.
Score = Callable[[np.ndarray, Surrogate], float]


@dataclass(frozen=True)
class FinetuningResult:
    """Weights of the chosen epoch, what it assigned, and one history row per epoch."""

    weights: EncoderWeights
    assignments: np.ndarray
    history: list[dict[str, float]]


def finetune(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: FinetuningParameters,
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
        assign: Clusters detached embeddings, once per epoch.
        store: Gets ``last`` and ``best`` and, now and then, ``epoch_NNNN``.
        score: What chooses the epoch; None is the negative loss, which needs no labels.
        name: The parameter group, for messages.

    Raises:
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatch: The store holds another run's checkpoint.
    """
    run = FinetuningRun(images, pretrained, parameters)
    identity = run.identity(images)
    state = resume_point(store, identity, parameters.checkpoints.on_mismatch, name)
    if state is not None:
        run.load_state_dict(state)
        logger.info("%s: continuing after epoch %d", name, run.epochs_done)

    progress = Progress(name, parameters.epochs, run.epochs_done)
    while run.epochs_done < parameters.epochs and not run.stopping.exhausted:
        epoch = run.epochs_done
        # Metrics, labels and the weights kept all belong to the encoder as it is before the step.
        z = run.embed()
        labels = assign(z.cpu().numpy())
        surrogate = surrogate_loss(
            z, torch.from_numpy(labels).long().to(z.device), parameters.surrogate
        )
        if not np.isfinite(surrogate.loss):
            raise FloatingPointError(
                f"{name}: the loss became {surrogate.loss} in epoch {epoch + 1}; lower "
                f"{name}.learning_rate and run again to go on from the last good checkpoint"
            )
        value = score(labels, surrogate) if score else -surrogate.loss
        if run.stopping.improved(-value, epoch + 1):
            store.save(
                "best",
                {
                    "format": FORMAT,
                    "encoder": run.weights().to_dict(),
                    "assignments": torch.from_numpy(labels),
                },
            )
        run.step(surrogate.gradient)
        run.history.append(_row(epoch, surrogate, value, labels))
        state = {"format": FORMAT, "identity": identity, **run.state_dict()}
        if run.epochs_done % parameters.checkpoints.every_n_epochs == 0:
            store.save(f"epoch_{run.epochs_done:04d}", state)
            store.prune("epoch_", parameters.checkpoints.keep)
        store.save("last", state)
        progress.log(
            epoch, len(images), {"loss": surrogate.loss, "silhouette": surrogate.silhouette}
        )

    best = store.load("best")
    return FinetuningResult(
        EncoderWeights.from_dict(best["encoder"]), best["assignments"].numpy(), run.history
    )


def _row(epoch: int, surrogate: Surrogate, value: float, labels: np.ndarray) -> dict[str, float]:
    sizes = np.unique(labels, return_counts=True)[1]
    return {
        "epoch": epoch + 1,
        "loss": surrogate.loss,
        "silhouette": surrogate.silhouette,
        "davies_bouldin": surrogate.davies_bouldin,
        "calinski_harabasz": surrogate.calinski_harabasz,
        "selection_score": value,
        "smallest_cluster": int(sizes.min()),
        "largest_cluster": int(sizes.max()),
    }


class FinetuningRun:
    """Everything that changes during finetuning; its state dict resumes it exactly."""

    def __init__(
        self, images: np.ndarray, pretrained: EncoderWeights, parameters: FinetuningParameters
    ):
        if parameters.input is not None:
            pretrained = replace(pretrained, input=parameters.input)
        self.parameters, self.pretrained = parameters, pretrained
        self.device = pick_device(parameters.compute)
        self.precision = pick_precision(parameters.compute, self.device)
        self.images = torch.from_numpy(images).to(self.device)
        encoder = pretrained.build()
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            # The projection head takes no part in what is clustered.
            [p for n, p in self.encoder.named_parameters() if not n.startswith("projector.")],
            lr=parameters.learning_rate,
            momentum=parameters.momentum,
            weight_decay=parameters.weight_decay,
            foreach=True,
        )
        self.stopping = EarlyStopping(parameters.early_stopping)
        self.history: list[dict[str, float]] = []

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.history)

    def _embed_batch(self, batch: Tensor) -> Tensor:
        w = self.pretrained
        x = normalise(to_unit_interval(batch, w.input), w.input, w.statistics)
        with autocast(self.device, self.precision):
            z = self.encoder(to_device(x, self.device))
        return F.normalize(z.float(), dim=1) if self.parameters.unit_norm else z.float()

    @torch.no_grad()
    def embed(self) -> Tensor:
        """Embeddings of all images, float32 (N, D), without gradient."""
        batches = self.images.split(self.parameters.batch_size)
        return torch.cat([self._embed_batch(batch) for batch in batches])

    def step(self, gradient: Tensor) -> None:
        """One optimizer step along d loss / d embeddings (N, D)."""
        self.optimizer.zero_grad()
        size = self.parameters.batch_size
        for batch, part in zip(self.images.split(size), gradient.split(size), strict=True):
            self._embed_batch(batch).backward(part)
        self.optimizer.step()

    def weights(self) -> EncoderWeights:
        """The encoder as it is now."""
        return EncoderWeights.of(self.encoder, self.pretrained.input, self.pretrained.statistics)

    def identity(self, images: np.ndarray) -> dict:
        """What a checkpoint must agree with to be continued here."""
        parameters = self.parameters.model_dump(mode="json", exclude={"checkpoints"})
        start = np.concatenate(
            [t.flatten().double().numpy() for t in self.pretrained.state.values()]
        )
        return {
            **parameters,
            "images": fingerprint(images),
            "pretrained encoder": fingerprint(start),
        }

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values."""
        return {
            "encoder": self.encoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": str(self.precision).removeprefix("torch."),
            "stopping": self.stopping.state_dict(),
            "history": self.history,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        # Whatever `auto` would choose today, the rest is computed like the beginning.
        self.precision = getattr(torch, state["precision"])
        self.stopping.load_state_dict(state["stopping"])
        self.history = list(state["history"])
