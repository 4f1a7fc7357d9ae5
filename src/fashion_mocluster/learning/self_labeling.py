"""Self-labeling: an encoder learns to tell its own clusters apart in random views.

The clusters of all images become labels, the images that sit safely in their cluster a training set
(Van Gansbeke et al. 2020, SCAN, section 2.3; there the classifier's confidence decides, here that of
the neighbors). The trained encoder is clustered in turn. Every round starts from the pretrained
encoder, so that the mistakes of one are not learned twice as deep by the next.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.checkpoints import Checkpoints, CheckpointStore
from fashion_mocluster.learning.device import autocast
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.epochs import EpochRun, train_epochs
from fashion_mocluster.learning.finetuning import FinetuningResult
from fashion_mocluster.learning.health import effective_rank, spread
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    SelfLabelingParameters,
    WhiteningParameters,
)
from fashion_mocluster.learning.preprocessing import normalize, to_device, to_unit_interval
from fashion_mocluster.learning.seeding import fingerprint, seeds_for
from fashion_mocluster.learning.views import view
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.learning.whitening import whiten

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
) -> FinetuningResult:
    """Train the pretrained encoder on its own clusters, in rounds.

    Args:
        images: uint8 (N, H, W).
        pretrained: Where every round starts; the first one clusters its embeddings.
        parameters: The whole recipe.
        n_clusters: How many clusters are asked for.
        embedding: How encoders are applied to what is clustered.
        assign: Clusters embeddings into labels 0..n_clusters-1 and says how far neighbors agree.
        store: Where checkpoints are kept.
        name: The parameter group, for messages.
        whitening: Of the feature maps, needed where ``parameters.features`` says that they are what
            is clustered.

    Returns:
        Weights at the end of the last round, and the clusters that they were trained on.

    Raises:
        ValueError: Fewer than two images sit safely in their cluster, or there is no ``whitening``
            where it is needed, or it cannot be done.
        FloatingPointError: The loss became NaN or infinite.
        CheckpointMismatchError: The store holds another run's checkpoint.
        SystemExit: Ctrl-C or SIGTERM came; a checkpoint was saved.
    """
    run = SelfLabelingRun(images, pretrained, parameters, n_clusters, embedding, assign, whitening)
    checkpoints = Checkpoints(store, parameters.checkpoints, run.identity(), name)
    state = checkpoints.resume_point()
    if state is not None:
        run.load_state_dict(state)

    train_epochs(run, parameters.n_rounds * parameters.epochs, checkpoints, name)
    return FinetuningResult(run.weights(), run.labels.cpu().numpy(), run.history, run.costs)


class SelfLabelingRun(EpochRun):
    """Everything that changes during self-labeling; its state dict resumes it exactly."""

    SHOWN = ("loss", "fraction_used", "learning_rate")

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
        super().__init__(parameters.compute, *seeds_for(parameters.seed, 2))
        self.pixels, self.pretrained, self.parameters = images, pretrained, parameters
        self.n_clusters, self.embedding, self.assign = n_clusters, embedding, assign
        self.whitening = whitening if parameters.features == "whitened_maps" else None
        if parameters.features == "whitened_maps" and whitening is None:
            raise ValueError("features is 'whitened_maps', but no whitening is given")
        self.images = torch.from_numpy(images).to(self.device)
        # The round under way: the clusters of all images, those trained on, what they looked like.
        self.labels = self.kept = torch.empty(0, dtype=torch.long)
        self.found: dict[str, float] = {}
        self._start_over()

    def _start_over(self) -> None:
        """The pretrained encoder, a head that knows nothing, and an optimizer for both."""
        p = self.parameters
        encoder = self.pretrained.build()
        self.encoder = encoder.to(self.device, memory_format=torch.channels_last)
        head = nn.Linear(self.encoder.representation_dim, self.n_clusters)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        self.head = head.to(self.device)
        # The projection head takes no part in what is clustered.
        named = self.encoder.named_parameters()
        trained = [w for name, w in named if not name.startswith("projector.")]
        self.optimizer = torch.optim.SGD(
            [*trained, *self.head.parameters()],
            lr=p.optimizer.learning_rate,
            momentum=p.optimizer.momentum,
            weight_decay=p.optimizer.weight_decay,
            foreach=True,
        )

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return min(self.parameters.batch_size, len(self.kept))

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch; the smaller rest is left out, another one each time."""
        return len(self.kept) // self.batch_size

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch really sees."""
        return self.steps_per_epoch * self.batch_size

    def begin_round(self) -> None:
        """Cluster the images as the encoder sees them now, choose which to learn, start over.

        Raises:
            ValueError: Fewer than two images sit safely in their cluster.
        """
        p = self.parameters
        weights = self.weights()
        if self.whitening is not None:
            weights = whiten(self.pixels, weights, self.whitening, self.embedding)
        z = embed(self.pixels, weights, self.embedding)
        labels, agreement = self.assign(z)
        kept = np.flatnonzero(agreement >= p.neighbor_agreement_threshold)
        if len(kept) < 2:
            raise ValueError(
                f"of {len(labels)} images {len(kept)} share their cluster with a share of "
                f"{p.neighbor_agreement_threshold} of their neighbors (neighbor_agreement_threshold); lower it"
            )
        self.labels = torch.from_numpy(labels).long().to(self.device)
        self.kept = torch.from_numpy(kept)
        sizes = np.bincount(labels, minlength=self.n_clusters)
        self.found = {
            "round": self.epochs_done // p.epochs + 1,
            "fraction_used": len(kept) / len(labels),
            "smallest_cluster": int(sizes.min()),
            "largest_cluster": int(sizes.max()),
            "largest_share": float(sizes.max() / sizes.sum()),
            "empty_clusters": int((sizes == 0).sum()),
            "effective_rank": effective_rank(torch.from_numpy(z)),
            "spread": spread(torch.from_numpy(z)),
        }
        self._start_over()

    def train_epoch(self, signals: StopSignals | None = None) -> dict[str, float] | None:
        """One pass over the kept images, as in :class:`EpochRun`; a new round begins with clusters."""
        if self.step == 0:
            if self.epochs_done % self.parameters.epochs == 0:
                self.begin_round()
            shuffled = torch.randperm(len(self.kept), generator=self.order_generator)
            self.order = self.kept[shuffled]
            self.losses = torch.zeros(self.steps_per_epoch, device=self.device)
        order, size = self.order.to(self.device), self.batch_size
        self.encoder.train()
        while self.step < self.steps_per_epoch:
            index, rate = self.step, self.rate_at(self.step)
            self.losses[index] = self.train_step(order[index * size : (index + 1) * size], rate)
            if self.count_step(signals):
                return None
        loss = self.losses.mean().item()
        row = {"epoch": self.epochs_done + 1, "loss": loss, "learning_rate": rate, **self.found}
        self.history.append(row)
        self.step = 0
        return row

    def train_step(self, chosen: Tensor, rate: float) -> Tensor:
        """One optimizer step on images int64 (B,): the cross-entropy with their clusters, 0-d."""
        p, w = self.parameters, self.pretrained
        pixels = view(
            to_unit_interval(self.images[chosen], w.preprocessing), p.views, self.views_generator
        )
        x = to_device(normalize(pixels, w.preprocessing, w.statistics), self.device)
        with autocast(self.device, self.precision):
            z = self.encoder(x)
        logits = self.head(F.normalize(z.float(), dim=1) / p.temperature)
        loss = F.cross_entropy(logits, self.labels[chosen], label_smoothing=p.label_smoothing)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def rate_at(self, step: int) -> float:
        """Learning rate of a step of the epoch under way; a round goes through all the schedule."""
        p = self.parameters
        done = self.epochs_done % p.epochs * self.steps_per_epoch + step
        return schedules.learning_rate(p.optimizer, done, p.epochs * self.steps_per_epoch, p.epochs)

    def weights(self) -> EncoderWeights:
        """The encoder as it is now."""
        return EncoderWeights.of(
            self.encoder, self.pretrained.preprocessing, self.pretrained.statistics
        )

    def identity(self) -> dict:
        """What a checkpoint must agree with to be continued here."""
        whitening = self.whitening and self.whitening.model_dump(mode="json")
        return {
            **self.parameters.model_dump(mode="json", exclude={"checkpoints"}),
            "whitening": whitening,
            "embedding": self.embedding.model_dump(mode="json"),
            "n_clusters": self.n_clusters,
            "images": fingerprint(self.pixels),
            "pretrained encoder": self.pretrained.fingerprint(),
        }

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values."""
        return {
            **super().state_dict(),
            "encoder": self.encoder.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "labels": self.labels,
            "kept": self.kept,
            "found": self.found,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        super().load_state_dict(state)
        self.encoder.load_state_dict(state["encoder"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.labels, self.kept = state["labels"].to(self.device), state["kept"]
        self.found = dict(state["found"])
