"""Contrastive pretraining (He et al. 2020, MoCo): its step, its epoch and its state."""

import logging
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
from fashion_mocluster.learning.encoder import Encoder, build_encoder
from fashion_mocluster.learning.health import effective_rank, spread
from fashion_mocluster.learning.moco import (
    EndToEndContrast,
    MomentumContrast,
    flush_denormal_gradients,
    info_nce,
)
from fashion_mocluster.learning.parameters import MocoParameters, QuirkParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics, to_unit_interval
from fashion_mocluster.learning.ranks import RunningStatistics, in_groups
from fashion_mocluster.learning.seeding import seeds_for
from fashion_mocluster.learning.surrogate import batch_loss
from fashion_mocluster.learning.trainer import Trainer, Training, TrainingResult, sgd
from fashion_mocluster.learning.views import query_and_key_views
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

# Images embedded at once before an epoch of joint training.
EVAL_BATCH_SIZE = 500

# Embeddings (N, D) to labels (N,).
Assign = Callable[[np.ndarray], np.ndarray]


def pretrain(
    images: np.ndarray,
    statistics: PixelStatistics,
    parameters: MocoParameters,
    store: CheckpointStore,
    name: str = "moco",
    assign: Assign | None = None,
    n_clusters: int | None = None,
) -> TrainingResult:
    """Train a query encoder on ``images``, continuing from the store's last checkpoint if any.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        statistics: Mean and standard deviation of the pixels, stored with the weights.
        assign: Clusters representations before each epoch of joint training; needed for that only.
        n_clusters: How many clusters it looks for.

    Returns:
        Weights of the last epoch, or of the lowest monitored loss where early stopping is on.

    Raises:
        InputError: Fewer images than one batch, or smaller ones than the views can blur.
        ValueError: Joint training without ``assign`` or ``n_clusters``.
        TrainingDivergedError, CheckpointMismatchError, SystemExit: As :meth:`Trainer.fit`.
        ProcessLostError: One of several processes was.
    """
    p = parameters
    if len(images) < p.batch_size:
        raise InputError(
            f"{name}.batch_size is {p.batch_size}, more than there are: {counted(len(images), 'image')}; "
            "set it in conf/<environment>/parameters.yml, or in every command of this output folder "
            f"use --params={smaller_batches(len(images), p, name)}"
        )
    queue_size = getattr(p.contrast, "queue_size", 0)
    if p.quirks and p.quirks.keep_false_negatives and queue_size >= len(images):
        logger.warning(
            "%s: the queue (%s) holds at least one key of each image (%d), so every "
            "image has false negatives; set %s.quirks.keep_false_negatives=false",
            *(name, counted(queue_size, "key"), len(images), name),
        )
    if p.compute.all_processes > 1 and not p.is_divisible:
        logger.warning(
            "%s: training in one process, for its loss needs the whole batch; %s",
            *(name, "only momentum contrast without clusters can be divided"),
        )
    elif p.compute.all_processes > 1 and not dist.is_initialized():
        from fashion_mocluster.learning.launch import in_processes

        recipe = {"statistics": statistics, "parameters": p, "store": store}
        return in_processes(pretrain, name, images, **recipe, name=name)
    training = Pretraining(images, statistics, p, assign, n_clusters)
    trainer = Trainer(training, p.epochs, store, p.checkpoints, p.early_stopping, name).fit()
    weights = training.weights()
    if p.early_stopping is not None:
        best = training.ranks.of_first(lambda: trainer.checkpoints.best()["encoder"])
        weights = EncoderWeights.from_dict(best)
    return TrainingResult(weights, trainer.history, trainer.costs)


def smaller_batches(n_images: int, parameters: MocoParameters, name: str) -> str:
    """Parameters with which so few images (2 or more) can be trained on, as ``--params`` takes them."""
    splits, compute = parameters.bn_splits, parameters.compute
    quarter = n_images // 4 // splits * splits
    cure = {"batch_size": max(2 * splits, quarter)}
    if n_images < 2 * splits:
        cure = {"batch_size": n_images, "bn_splits": 1}
        # Each process needs a split of its own.
        if compute.all_processes > 1:
            cure["compute.processes"] = 1
        if compute.nodes > 1:
            cure |= {"compute.nodes": 1, "compute.rendezvous": "null"}
    return ",".join(f"{name}.{key}={value}" for key, value in cure.items())


class QueryBranch(nn.Module):
    """From views to representations (B, D) and queries (B, contrast_dim), BatchNorm in groups."""

    def __init__(self, encoder: Encoder, groups: int):
        super().__init__()
        self.encoder, self.groups = encoder, groups

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Of views (B, channels, H, W)."""
        z = in_groups(self.encoder, views, self.groups)
        return z, in_groups(self.encoder.head, z, self.groups)


class Pretraining(Training):
    """A query encoder learns to tell each image's views from those of other images."""

    STATE = ("moco", "optimizer", "order_generator", "views_generator", "clusters")

    def __init__(
        self,
        images: np.ndarray,
        statistics: PixelStatistics,
        parameters: MocoParameters,
        assign: Assign | None = None,
        n_clusters: int | None = None,
    ):
        if parameters.clustering is not None and (assign is None or n_clusters is None):
            raise ValueError(
                "joint training needs `assign`, which finds clusters, and `n_clusters`"
            )
        super().__init__(images, parameters, parameters.preprocessing, statistics)
        self.assign, self.n_clusters = assign, n_clusters
        self.quirks = parameters.quirks or QuirkParameters()
        # Four generators, so that none changes what another draws.
        weights_seed, queue_seed, order_seed, views_seed = seeds_for(parameters.seed, 4)
        self.order_generator = Generator().manual_seed(order_seed)
        self.views_generator = Generator(self.device).manual_seed(views_seed)
        channels, size = 3 if images.ndim == 4 else 1, self.images.shape[1:3]
        self.encoder = build_encoder(parameters.encoder, size, weights_seed, channels)
        if parameters.contrast.mechanism == "end_to_end":
            moco = EndToEndContrast(self.encoder)
        else:
            moco = MomentumContrast(self.encoder, parameters.contrast, queue_seed, self.quirks)
        self.moco = moco.to(self.device, memory_format=torch.channels_last)
        self.bn_groups = parameters.bn_splits // self.ranks.count
        self.query_branch = self.ranks.synchronized(QueryBranch(self.encoder, self.bn_groups))
        self.running_statistics = RunningStatistics(self.moco, self.ranks, self.bn_groups)
        self.optimizer = sgd(self.moco.trained_parameters(), parameters.optimizer)
        self.epoch = 0
        # Clusters int64 (N,) of the images in joint training, empty before these matter.
        self.clusters = torch.empty(0, dtype=torch.long, device=self.device)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch; the last, smaller one counts unless ``drop_last``."""
        whole, rest = divmod(len(self.images), self.parameters.batch_size)
        # A single image has no batch statistics, so it is never a batch of its own.
        return whole + (rest > 1 and not self.parameters.drop_last)

    def begin_epoch(self, epoch: int) -> Sequence[Tensor]:
        """Shuffled batches; in joint training the clusters are found anew."""
        p, self.epoch = self.parameters, epoch
        order = torch.randperm(len(self.images), generator=self.order_generator)
        if p.clustering is not None and epoch >= p.clustering.clustering_start * p.epochs:
            self.clusters = self._find_clusters()
        self.moco.train()
        self.running_statistics.remember()
        return order.to(self.device).split(p.batch_size)[: self.steps_per_epoch]

    def train_step(self, batch: Tensor, step: int) -> dict[str, Tensor | float]:
        """One step of MoCo (He et al. 2020, algorithm 1).

        Each of several processes encodes its part of the batch, and all enqueue the keys of all.
        """
        p, moco, own = self.parameters, self.moco, self.ranks.part
        rate, momentum, tau = self._scheduled(step)
        pixels = to_unit_interval(self.images[batch], p.preprocessing)
        views = query_and_key_views(
            pixels, p.views, self.views_generator, self.quirks.resample_twice
        )
        query_view, key_view = map(self.network_input, views)
        moco.momentum_update(momentum)
        with autocast(self.device, self.precision):
            with torch.set_grad_enabled(moco.trainable_keys):
                keys = flush_denormal_gradients(self._project_shuffled(key_view))
            z, queries = self.query_branch(own(query_view))
            queries = flush_denormal_gradients(queries)
        positives, negatives, excluded = moco.positives_and_negatives(own(keys), own(batch))
        contrastive, similarity = info_nce(queries, positives, negatives, tau, excluded)
        loss = contrastive + self._clustering_term(z, batch)
        monitored, final = loss.detach(), p.contrast.temperature_end
        if tau != final and not self.quirks.monitor_raw_loss:
            with torch.no_grad():
                at_final, _ = info_nce(queries, positives, negatives, final, excluded)
                monitored = monitored - contrastive + at_final
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        moco.enqueue(keys, batch)
        self.running_statistics.merge()
        loss, monitored, similarity = self.ranks.mean(
            torch.stack([loss.detach(), monitored, similarity])
        )
        return {
            "loss": loss,
            "monitored_loss": monitored,
            "positive_similarity": similarity,
            "learning_rate": rate,
            "temperature": tau,
            "key_momentum": momentum,
        }

    def end_epoch(self) -> dict[str, float]:
        """Signs of collapse among the latest keys."""
        keys = self.moco.recent_keys
        return {"effective_rank": effective_rank(keys), "spread": spread(keys)}

    def monitored(self, row: dict[str, float]) -> float | None:
        """The loss, at the temperature of the last epoch; without early stopping none is chosen by it."""
        return row["monitored_loss"] if self.parameters.early_stopping is not None else None

    def trial_step(self) -> None:
        """A step on few images."""
        self.moco.train()
        size = min(TRIAL_BATCH_SIZE, self.parameters.batch_size)
        self.train_step(torch.arange(size, device=self.device), 0)

    def _scheduled(self, step: int) -> tuple[float, float, float]:
        """Learning rate, key momentum and temperature of a step of this epoch."""
        p, steps = self.parameters, self.parameters.epochs * self.steps_per_epoch
        done = self.epoch * self.steps_per_epoch + step
        return (
            schedules.learning_rate(
                p.optimizer, done, steps, p.epochs, self.quirks.step_cosine_per_batch
            ),
            schedules.key_momentum(p.contrast, done, steps),
            schedules.temperature(p.contrast, self.epoch, p.epochs),
        )

    def _project_shuffled(self, views: Tensor) -> Tensor:
        """Keys (B, contrast_dim); BatchNorm sees them in other splits than the queries.

        Otherwise the statistics of a split would tell which key belongs to a query.
        """
        project = self.moco.key_encoder.project
        if self.parameters.bn_splits == 1:
            return project(views)
        order = torch.randperm(len(views), generator=self.views_generator, device=views.device)
        keys = in_groups(project, self.ranks.part(views[order]), self.bn_groups)
        return self.ranks.gather(keys)[order.argsort()]

    def _clustering_term(self, z: Tensor, batch: Tensor) -> Tensor | float:
        """What joint training adds to the loss for representations (B, D), once it has clusters."""
        if not len(self.clusters):
            return 0.0
        p = self.parameters.clustering
        unit = F.normalize(z.float(), dim=1)
        return p.weight * batch_loss(unit, self.clusters[batch], p.surrogate)

    @torch.no_grad()
    def _find_clusters(self) -> Tensor:
        """Clusters int64 (N,) of the clean images' representations, as unit vectors."""
        self.moco.eval()
        parts = []
        for batch in self.images.split(EVAL_BATCH_SIZE):
            x = self.network_input(to_unit_interval(batch, self.preprocessing))
            with autocast(self.device, self.precision):
                z = self.encoder(x)
            parts.append(F.normalize(z.float(), dim=1).cpu())
        labels = self.assign(torch.cat(parts).numpy())
        return torch.from_numpy(labels).long().to(self.device)

    def fingerprint(self) -> dict:
        """Parameters and images, and of joint training the number of clusters."""
        joint = {} if self.parameters.clustering is None else {"n_clusters": self.n_clusters}
        return {**super().fingerprint(), **joint}
