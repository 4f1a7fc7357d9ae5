"""Cluster finetuning: assign clusters, then move the encoder towards tighter ones.

Each epoch is one full-batch step (the thesis, chapter on cluster-based finetuning). In eval mode
images do not influence each other, so the gradient with respect to the embeddings is found first
and then sent through the encoder batch by batch: exact, at the memory of one batch
(Gao et al. 2021, GradCache).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.centers import LearnableCenters
from fashion_mocluster.learning.checkpoints import CheckpointStore
from fashion_mocluster.learning.device import TRIAL_BATCH_SIZE, autocast
from fashion_mocluster.learning.health import cluster_sizes, effective_rank, spread
from fashion_mocluster.learning.parameters import BaseFinetuningParameters
from fashion_mocluster.learning.preprocessing import to_unit_interval
from fashion_mocluster.learning.surrogate import Surrogate, surrogate_loss
from fashion_mocluster.learning.trainer import StopTraining, Trainer, Training, TrainingResult, sgd
from fashion_mocluster.learning.weights import EncoderWeights

# Embeddings (N, D) to labels (N,).
Assign = Callable[[np.ndarray], np.ndarray]
# Labels (N,) and label-free indices to a value; the epoch with the highest one is chosen.
Score = Callable[[np.ndarray, Surrogate], float]


def finetune(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: BaseFinetuningParameters,
    n_clusters: int,
    assign: Assign,
    store: CheckpointStore,
    score: Score | None = None,
    name: str = "finetuning",
) -> TrainingResult:
    """Finetune the pretrained encoder on its own clusters.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        assign: Clusters embeddings into labels 0..n_clusters-1: before every epoch, or once to place
            learnable centers.
        score: What chooses the epoch; None is the negative loss, which needs no labels.

    Returns:
        Weights of the chosen epoch and the clusters that it was trained on.

    Raises:
        InputError: All images are in one cluster from the start.
        TrainingDivergedError, CheckpointMismatchError, SystemExit: As :meth:`Trainer.fit`.
    """
    p = parameters
    training = Finetuning(images, pretrained, p, n_clusters, assign, score, name)
    trainer = Trainer(training, p.epochs, store, p.checkpoints, p.early_stopping, name).fit()
    best = trainer.checkpoints.best()
    weights = EncoderWeights.from_dict(best["encoder"])
    return TrainingResult(weights, trainer.history, trainer.costs, best["assignments"].numpy())


class Finetuning(Training):
    """An encoder moves towards tighter clusters, in one full-batch step per epoch."""

    LOGGED = ("loss", "silhouette")
    LEARNING_RATE = "learning_rate"
    STATE = ("encoder", "optimizer", "centers")

    def __init__(
        self,
        images: np.ndarray,
        pretrained: EncoderWeights,
        parameters: BaseFinetuningParameters,
        n_clusters: int,
        assign: Assign,
        score: Score | None = None,
        name: str = "finetuning",
    ):
        preprocessing = parameters.preprocessing or pretrained.preprocessing
        super().__init__(images, parameters, preprocessing, pretrained.statistics)
        self.pretrained, self.name = pretrained, name
        self.n_clusters, self.assign, self.score = n_clusters, assign, score
        encoder = pretrained.build()
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last)
        trained = self.encoder.backbone_parameters()
        self.centers: LearnableCenters | None = None
        if parameters.assign == "learnable_centers":
            dimensions = self.encoder.representation_dim
            self.centers = LearnableCenters(n_clusters, dimensions, parameters.centers)
            self.centers.to(self.device)
            trained += self.centers.parameters()
        self.optimizer = sgd(trained, parameters)
        self.epoch = 0
        self.candidate: dict = {}

    def begin_epoch(self, epoch: int) -> Sequence[Tensor]:
        """All images at once."""
        self.epoch = epoch
        return [torch.arange(len(self.images))]

    def train_step(self, batch: Tensor, step: int) -> dict[str, Tensor | float]:
        """Cluster all images, measure the clusters, then step towards tighter ones."""
        z, rate = self.embed(), self.parameters.learning_rate
        if not z.isfinite().all():
            return {"loss": torch.tensor(torch.nan), "learning_rate": rate}
        labels, surrogate = self.assign_and_score(z)
        value = self.score(labels, surrogate) if self.score else -surrogate.loss
        before = self.weights()
        self.step(surrogate.gradient)
        chosen = before if self.parameters.save_weights == "before_step" else self.weights()
        self.candidate = {"encoder": chosen.to_dict(), "assignments": torch.from_numpy(labels)}
        return {
            "loss": torch.tensor(surrogate.loss, dtype=torch.float64),
            "silhouette": surrogate.silhouette,
            "davies_bouldin": surrogate.davies_bouldin,
            "calinski_harabasz": surrogate.calinski_harabasz,
            "selection_score": value,
            **cluster_sizes(labels, self.n_clusters),
            "effective_rank": effective_rank(z),
            "spread": spread(z),
            "learning_rate": rate,
        }

    def assign_and_score(self, z: Tensor) -> tuple[np.ndarray, Surrogate]:
        """Clusters (N,) of embeddings (N, D), with loss and gradient.

        Raises:
            InputError: All images are in one cluster from the start.
            StopTraining: They are by now.
        """
        if self.centers is None:
            labels = self.assign(z.cpu().numpy())
        else:
            if self.epoch == 0:
                self.centers.start_from(z, self.assign(z.cpu().numpy()))
            labels = self.centers.labels(z)
        if len(np.unique(labels)) < 2:
            if self.epoch == 0:
                raise InputError(
                    f"{self.name}: all images are in one cluster; check the pretrained encoder"
                )
            raise StopTraining(
                f"all images are in one cluster. The best epoch before is kept; lower "
                f"{self.name}.learning_rate"
            )
        if self.centers is not None:
            return labels, self.centers.surrogate(z, labels)
        on_device = torch.from_numpy(labels).long().to(z.device)
        return labels, surrogate_loss(z, on_device, self.parameters.surrogate)

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

    @torch.no_grad()
    def embed(self) -> Tensor:
        """Embeddings of all images, float32 (N, D), without gradient."""
        batches = self.images.split(self.parameters.batch_size)
        return torch.cat([self._embed_batch(batch) for batch in batches])

    def _embed_batch(self, batch: Tensor) -> Tensor:
        x = self.network_input(to_unit_interval(batch, self.preprocessing))
        with autocast(self.device, self.precision):
            z = self.encoder(x)
        return F.normalize(z.float(), dim=1) if self.parameters.unit_norm else z.float()

    def monitored(self, row: dict[str, float]) -> float:
        """The score, negative: the highest is the best."""
        return -row["selection_score"]

    def best(self) -> dict:
        """The weights and clusters of the last epoch."""
        return self.candidate

    def trial_step(self) -> None:
        """Forward and backward pass of few images."""
        self._embed_batch(self.images[:TRIAL_BATCH_SIZE]).sum().backward()

    def fingerprint(self) -> dict:
        """Parameters, images and the pretrained encoder."""
        return {
            **super().fingerprint(),
            "n_clusters": self.n_clusters,
            "pretrained encoder": self.pretrained.fingerprint(),
        }
