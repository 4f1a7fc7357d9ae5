"""Self-labeling: an encoder learns to tell its own clusters apart in random views.

The clusters of all images become labels; the training set is the images that sit safely in their
cluster (Van Gansbeke et al. 2020, SCAN, section 2.3: there the classifier's confidence decides, here
the clusters of the neighbors). The trained encoder is clustered in turn. Every round starts from the
pretrained encoder, so that the mistakes of one round are not learned more deeply by the next.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.checkpoints import CheckpointStore
from fashion_mocluster.learning.device import TRIAL_BATCH_SIZE, autocast
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.health import cluster_sizes, effective_rank, spread
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    SelfLabelingParameters,
    WhiteningParameters,
)
from fashion_mocluster.learning.preprocessing import to_unit_interval
from fashion_mocluster.learning.ranks import RunningStatistics, in_groups
from fashion_mocluster.learning.seeding import fingerprint, seeds_for
from fashion_mocluster.learning.trainer import Trainer, Training, TrainingResult, sgd
from fashion_mocluster.learning.views import view
from fashion_mocluster.learning.weights import AnyEncoder, EncoderWeights
from fashion_mocluster.learning.whitening import whiten_and_embed
from fashion_mocluster.wording import counted

# Embeddings (N, D) to labels (N,) and the share of each point's neighbors that have its label (N,).
Assign = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def self_label(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: SelfLabelingParameters,
    n_clusters: int,
    embedding: EmbeddingParameters,
    assign: Assign,
    store: CheckpointStore,
    name: str = "self_labeling",
    whitening: WhiteningParameters | None = None,
) -> TrainingResult:
    """Train the pretrained encoder on its own clusters, in rounds.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        pretrained: Where every round starts; the first one clusters its embeddings.
        embedding: How encoders are applied to what is clustered.
        assign: Clusters embeddings into labels 0..n_clusters-1 and says how far neighbors agree.
        whitening: Of the feature maps; needed where ``parameters.features`` is ``whitened_maps``.

    Returns:
        Weights at the end of the last round, and the clusters that they were trained on.

    Raises:
        InputError: Too few images sit safely in their cluster, or the maps cannot be whitened.
        ValueError: There is no ``whitening`` where it is needed.
        TrainingDivergedError, CheckpointMismatchError, SystemExit: As :meth:`Trainer.fit`.
        ProcessLostError: One of several processes was.
    """
    p = parameters
    if p.compute.all_processes > 1 and not dist.is_initialized():
        from fashion_mocluster.learning.launch import in_processes

        recipe = {"pretrained": pretrained, "parameters": p, "n_clusters": n_clusters}
        recipe |= {"embedding": embedding, "whitening": whitening, "assign": assign}
        return in_processes(self_label, name, images, **recipe, store=store, name=name)
    training = SelfLabeling(images, pretrained, p, n_clusters, embedding, assign, whitening)
    trainer = Trainer(training, p.n_rounds * p.epochs, store, p.checkpoints, None, name).fit()
    assignments = training.labels.cpu().numpy()
    return TrainingResult(training.weights(), trainer.history, trainer.costs, assignments)


class Classifier(nn.Module):
    """From views to scores (B, n_clusters), BatchNorm in groups."""

    def __init__(self, encoder: AnyEncoder, head: nn.Linear, temperature: float, groups: int):
        super().__init__()
        self.encoder, self.head = encoder, head
        self.temperature, self.groups = temperature, groups

    def forward(self, views: Tensor) -> Tensor:
        """Of views (B, channels, H, W)."""
        z = F.normalize(in_groups(self.encoder, views, self.groups).float(), dim=1)
        with torch.autocast(z.device.type, enabled=False):
            return self.head(z / self.temperature)


class SelfLabeling(Training):
    """An encoder and a linear head learn the clusters of one round after the other."""

    LOGGED = ("loss", "fraction_used", "learning_rate")
    STATE = (
        *("encoder", "head", "optimizer", "order_generator", "views_generator"),
        *("labels", "used", "round"),
    )

    def __init__(
        self,
        images: np.ndarray,
        pretrained: EncoderWeights,
        parameters: SelfLabelingParameters,
        n_clusters: int,
        embedding: EmbeddingParameters,
        assign: Assign,
        whitening: WhiteningParameters | None = None,
    ):
        super().__init__(images, parameters, pretrained.preprocessing, pretrained.statistics)
        self.pixels, self.pretrained = images, pretrained
        self.n_clusters, self.embedding, self.assign = n_clusters, embedding, assign
        self.whitening = whitening if parameters.features == "whitened_maps" else None
        if parameters.features == "whitened_maps" and whitening is None:
            raise ValueError("features is 'whitened_maps', but no whitening is given")
        # Two generators, so that neither changes what the other draws.
        order_seed, views_seed = seeds_for(parameters.seed, 2)
        self.order_generator = Generator().manual_seed(order_seed)
        self.views_generator = Generator(self.device).manual_seed(views_seed)
        self.epoch = self.steps_per_epoch = 0
        # Of the round: labels int64 (N,) of all images, places int64 (n,) of those trained on.
        self.labels = torch.zeros(len(images), dtype=torch.long, device=self.device)
        self.used = torch.arange(len(images))
        self.round: dict[str, float] = {}
        self._start_over()

    def _start_over(self) -> None:
        """The pretrained encoder, a zero-initialized head and an optimizer for both."""
        p = self.parameters
        encoder = self.pretrained.build()
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last)
        head = nn.Linear(self.encoder.representation_dim, self.n_clusters)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.head = head.to(self.device)
        trained = [*self.encoder.backbone_parameters(), *self.head.parameters()]
        self.encoder.requires_grad_(False)
        for parameter in trained:
            parameter.requires_grad_(True)
        groups = p.bn_splits // self.ranks.count
        classifier = Classifier(self.encoder, self.head, p.temperature, groups)
        self.classifier = self.ranks.synchronized(classifier)
        self.running_statistics = RunningStatistics(self.encoder, self.ranks, groups)
        self.optimizer = sgd(trained, p.optimizer)

    def begin_round(self) -> None:
        """Cluster the images by the present encoder, choose those to learn from, start over.

        Raises:
            InputError: Fewer than two images for each of ``bn_splits`` sit safely in their cluster.
        """
        p = self.parameters
        labels, used, health = self.ranks.of_first(self._find_clusters)
        if len(used) < 2 * p.bn_splits:
            raise InputError(
                f"only {len(used)} of {counted(len(labels), 'image')} in the cluster of at least "
                f"{p.neighbor_agreement_threshold:.0%} of their neighbors; lower "
                "neighbor_agreement_threshold"
            )
        self.labels = torch.from_numpy(labels).long().to(self.device)
        self.used = torch.from_numpy(used)
        self.round = {
            "round": self.epoch // p.epochs + 1,
            "fraction_used": len(used) / len(labels),
            **cluster_sizes(labels, self.n_clusters),
            **health,
        }
        self._start_over()

    def _find_clusters(self) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Clusters of all images, places of those to learn from, and signs of collapse."""
        weights, whitening = self.weights(), self.whitening
        if whitening is None:
            z = embed(self.pixels, weights, self.embedding)
        else:
            _, z = whiten_and_embed(self.pixels, weights, whitening, self.embedding)
        labels, agreement = self.assign(z)
        used = np.flatnonzero(agreement >= self.parameters.neighbor_agreement_threshold)
        z = torch.from_numpy(z)
        return labels, used, {"effective_rank": effective_rank(z), "spread": spread(z)}

    def begin_epoch(self, epoch: int) -> Sequence[Tensor]:
        """Shuffled batches, without the smaller rest; a new round begins with its clusters."""
        self.epoch = epoch
        if epoch % self.parameters.epochs == 0:
            self.begin_round()
        order = self.used[torch.randperm(len(self.used), generator=self.order_generator)]
        size = min(self.parameters.batch_size, len(order))
        size -= size % self.parameters.bn_splits
        self.steps_per_epoch = len(order) // size
        self.encoder.train()
        self.running_statistics.remember()
        return order.to(self.device).split(size)[: self.steps_per_epoch]

    def train_step(self, batch: Tensor, step: int) -> dict[str, Tensor | float]:
        """One optimizer step on the cross-entropy with the clusters."""
        p, own, rate = self.parameters, self.ranks.part, self.lr_at(step)
        pixels = to_unit_interval(self.images[batch], self.preprocessing)
        x = self.network_input(own(view(pixels, p.views, self.views_generator)))
        with autocast(self.device, self.precision):
            scores = self.classifier(x)
        truth = self.labels[own(batch)]
        loss = F.cross_entropy(scores, truth, label_smoothing=p.label_smoothing)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.running_statistics.merge()
        return {"loss": self.ranks.mean(loss.detach()), "learning_rate": rate}

    def end_epoch(self) -> dict[str, float]:
        """The clusters of the round."""
        return self.round

    def lr_at(self, step: int) -> float:
        """Learning rate of a step of this epoch; each round goes through the whole schedule."""
        p = self.parameters
        done = self.epoch % p.epochs * self.steps_per_epoch + step
        return schedules.learning_rate(p.optimizer, done, p.epochs * self.steps_per_epoch, p.epochs)

    def trial_step(self) -> None:
        """A step on few images."""
        self.encoder.train()
        self.train_step(self.used[:TRIAL_BATCH_SIZE].to(self.device), 0)

    def fingerprint(self) -> dict:
        """Parameters, images, also as they were, and the pretrained encoder."""
        whitening = self.whitening and self.whitening.model_dump(mode="json")
        return {
            **super().fingerprint(),
            "whitening": whitening,
            "embedding": self.embedding.model_dump(mode="json", exclude={"compute"}),
            "n_clusters": self.n_clusters,
            "images": fingerprint(self.pixels),
            "pretrained encoder": self.pretrained.fingerprint(),
        }
