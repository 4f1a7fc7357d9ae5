"""One contrastive pretraining under way: its step, its epoch and its state."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.device import autocast
from fashion_mocluster.learning.early_stopping import EarlyStopping
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.epochs import EpochRun
from fashion_mocluster.learning.health import effective_rank, spread
from fashion_mocluster.learning.interruption import StopSignals
from fashion_mocluster.learning.moco import build_contrast, flush_denormal_gradients, info_nce
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.preprocessing import (
    PixelStatistics,
    normalize,
    to_device,
    to_unit_interval,
)
from fashion_mocluster.learning.seeding import fingerprint, seeds_for
from fashion_mocluster.learning.surrogate import batch_loss
from fashion_mocluster.learning.views import query_and_key_views
from fashion_mocluster.learning.weights import EncoderWeights

# Images embedded at once, before an epoch of joint training.
EVAL_BATCH_SIZE = 500

# Embeddings (N, D) to labels (N,).
Assign = Callable[[np.ndarray], np.ndarray]


class PretrainingRun(EpochRun):
    """Everything that changes during pretraining; its state dict resumes it exactly."""

    def __init__(
        self,
        images: np.ndarray,
        statistics: PixelStatistics,
        parameters: MocoParameters,
        assign: Assign | None = None,
    ):
        if parameters.clustering is not None and assign is None:
            raise ValueError("joint training needs `assign`, which finds the clusters")
        weights_seed, queue_seed, order_seed, views_seed = seeds_for(parameters.seed, 4)
        super().__init__(parameters.compute, order_seed, views_seed)
        self.parameters, self.statistics, self.assign = parameters, statistics, assign
        self.batch_size = parameters.batch_size
        self.images = torch.from_numpy(images).to(self.device)
        encoder = build_encoder(parameters.encoder, images.shape[1:], weights_seed)
        moco = build_contrast(encoder, parameters.contrast, queue_seed)
        self.moco = moco.to(self.device, memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.moco.trained_parameters(),
            lr=parameters.optimizer.learning_rate,
            momentum=parameters.optimizer.momentum,
            weight_decay=parameters.optimizer.weight_decay,
            foreach=True,
        )
        self.stopping = EarlyStopping(parameters.early_stopping)
        # Of the epoch under way: the clusters of the images if they matter, and what its steps gave
        # beside the loss.
        self.clusters = torch.empty(0, dtype=torch.long, device=self.device)
        self.positives = self.watched = torch.empty(0, device=self.device)

    @property
    def exhausted(self) -> bool:
        """Whether the watched loss has not improved for too long."""
        return self.stopping.exhausted

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
        """One pass over the images, as in :class:`EpochRun`."""
        p, epoch = self.parameters, self.epochs_done
        steps = self.steps_per_epoch
        tau = schedules.temperature(p.contrast, epoch, p.epochs)
        if self.step == 0:
            self.order = torch.randperm(len(self.images), generator=self.order_generator)
            self.losses, self.positives, self.watched = torch.zeros(3, steps, device=self.device)
            if p.clustering is not None and epoch >= p.clustering.clustering_start * p.epochs:
                self.clusters = self._find_clusters()
        order = self.order.to(self.device)
        self.moco.train()
        while self.step < steps:
            index = self.step
            rate, momentum = self._scheduled(epoch * steps + index)
            chosen = order[index * p.batch_size : (index + 1) * p.batch_size]
            results = self.train_step(chosen, rate, momentum, tau)
            self.losses[index], self.positives[index], self.watched[index] = results
            if self.count_step(signals):
                return None
        row = {
            "epoch": epoch + 1,
            "loss": self.losses.mean().item(),
            "monitored_loss": self.watched.mean().item(),
            "positive_similarity": self.positives.mean().item(),
            "learning_rate": rate,
            "temperature": tau,
            "key_momentum": momentum,
            "effective_rank": effective_rank(self.moco.recent_keys),
            "spread": spread(self.moco.recent_keys),
        }
        self.history.append(row)
        self.step = 0
        return row

    def _scheduled(self, step: int) -> tuple[float, float]:
        """Learning rate and key momentum of a step counted from the beginning of the training."""
        p, steps = self.parameters, self.parameters.epochs * self.steps_per_epoch
        rate = schedules.learning_rate(p.optimizer, step, steps, p.epochs)
        return rate, schedules.key_momentum(p.contrast, step, steps)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step of the epoch under way."""
        return self._scheduled(self.epochs_done * self.steps_per_epoch + step)[0]

    def train_step(
        self, chosen: Tensor, rate: float, momentum: float, tau: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One optimizer step on images int64 (B,): loss, similarity of positives, watched loss."""
        p, moco = self.parameters, self.moco
        pixels = to_unit_interval(self.images[chosen], p.preprocessing)
        query_view, key_view = (
            to_device(normalize(view, p.preprocessing, self.statistics), self.device)
            for view in query_and_key_views(pixels, p.views, self.views_generator)
        )
        moco.momentum_update(momentum)
        with autocast(self.device, self.precision):
            with torch.set_grad_enabled(moco.trainable_keys):
                keys = flush_denormal_gradients(self._keys(key_view))
            z = self._in_groups(moco.query_encoder, query_view)
            queries = flush_denormal_gradients(self._in_groups(moco.query_encoder.head, z))
        positives, negatives, excluded = moco.positives_and_negatives(keys, chosen)
        contrast, similarity = info_nce(queries, positives, negatives, tau, excluded)
        loss = contrast + self._clustering_term(z, chosen)
        watched, final = loss.detach(), p.contrast.temperature_end
        if p.watched == "loss_at_final_temperature" and tau != final:
            with torch.no_grad():
                at_final, _ = info_nce(queries, positives, negatives, final, excluded)
                watched = watched - contrast + at_final
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        moco.enqueue(keys, chosen)
        return loss.detach(), similarity, watched

    def _clustering_term(self, z: Tensor, chosen: Tensor) -> Tensor | float:
        """What joint training adds for representations (B, D), once it has clusters."""
        if not len(self.clusters):
            return 0.0
        p = self.parameters.clustering
        unit = F.normalize(z.float(), dim=1)
        return p.weight * batch_loss(unit, self.clusters[chosen], p.surrogate)

    def _keys(self, views: Tensor) -> Tensor:
        project = self.moco.key_encoder.project
        if self.parameters.bn_splits == 1:
            return project(views)
        # In other groups than the queries, or a batch would give its members away.
        order = torch.randperm(len(views), generator=self.views_generator, device=views.device)
        return self._in_groups(project, views[order])[order.argsort()]

    def _in_groups(self, network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """``network`` of each part of the batch, so that BatchNorm sees a part at a time."""
        groups = self.parameters.bn_splits
        return network(x) if groups == 1 else torch.cat([network(part) for part in x.chunk(groups)])

    @torch.no_grad()
    def _find_clusters(self) -> Tensor:
        """Clusters int64 (N,) of the clean images' representations, as unit vectors."""
        self.moco.eval()
        p, parts = self.parameters.preprocessing, []
        for batch in self.images.split(EVAL_BATCH_SIZE):
            x = normalize(to_unit_interval(batch, p), p, self.statistics)
            with autocast(self.device, self.precision):
                z = self.moco.query_encoder(to_device(x, self.device))
            parts.append(F.normalize(z.float(), dim=1).cpu())
        self.moco.train()
        labels = self.assign(torch.cat(parts).numpy())
        return torch.from_numpy(labels).long().to(self.device)

    def weights(self) -> EncoderWeights:
        """The query encoder as it is now."""
        return EncoderWeights.of(
            self.moco.query_encoder, self.parameters.preprocessing, self.statistics
        )

    def identity(self, images: np.ndarray) -> dict:
        """What a checkpoint must agree with to be continued here."""
        parameters = self.parameters.model_dump(mode="json", exclude={"checkpoints"})
        return {**parameters, "images": fingerprint(images)}

    def state_dict(self) -> dict:
        """Everything needed to go on exactly from here, as tensors and plain values."""
        return {
            **super().state_dict(),
            "moco": self.moco.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "stopping": self.stopping.state_dict(),
            "positives": self.positives,
            "watched": self.watched,
            "clusters": self.clusters,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from a state dict of the same run."""
        super().load_state_dict(state)
        self.moco.load_state_dict(state["moco"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stopping.load_state_dict(state["stopping"])
        self.positives = state["positives"].to(self.device)
        self.watched = state["watched"].to(self.device)
        self.clusters = state["clusters"].to(self.device)
