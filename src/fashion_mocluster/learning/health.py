"""Signs that a training has gone wrong: a loss that is not finite, embeddings that collapse."""

import logging
import math

import numpy as np
import torch
from torch import Tensor

from fashion_mocluster.errors import FashionMoClusterError

logger = logging.getLogger(__name__)

# Unit vectors with less spread than this point the same way, apart from noise.
COLLAPSED_SPREAD = 0.1
COLLAPSED_RANK = 1.5
# A cluster with more than this fraction of the images has absorbed the others.
DOMINANT_CLUSTER_FRACTION = 0.9


class TrainingDivergedError(FashionMoClusterError, FloatingPointError):
    """The loss became NaN or infinite."""


@torch.no_grad()
def effective_rank(vectors: Tensor) -> float:
    """Exponential of the entropy of the normalized singular values (Roy and Vetterli 2007).

    Near 1 when all vectors (N, D) point the same way, the sign of a collapsed encoder; 0 when all are
    zero, that of a dead one.
    """
    if not vectors.any():
        return 0.0
    values = torch.linalg.svdvals(vectors.float().cpu())
    share = values / values.sum()
    return float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))


@torch.no_grad()
def spread(vectors: Tensor) -> float:
    """Root mean squared distance of the vectors' directions (N, D) from their mean.

    0 if all point the same way or are zero, 1 if they cancel.
    """
    if not vectors.any():
        return 0.0
    unit = torch.nn.functional.normalize(vectors.float(), dim=1)
    return math.sqrt(max(0.0, 1 - unit.mean(0).square().sum().item()))


def cluster_sizes(labels: np.ndarray, n_clusters: int) -> dict[str, float]:
    """Columns of the history that say how labels (N,) spread over the clusters."""
    sizes = np.bincount(labels, minlength=n_clusters)
    return {
        "smallest_cluster": int(sizes.min()),
        "largest_cluster": int(sizes.max()),
        "largest_share": float(sizes.max() / sizes.sum()),
        "empty_clusters": int((sizes == 0).sum()),
    }


def warn_of_collapse(name: str, row: dict[str, float]) -> None:
    """Warn if an epoch's history shows collapsed embeddings or one cluster with nearly all images."""
    where = f"{name}: epoch {row['epoch']}"
    if row["spread"] < COLLAPSED_SPREAD or row["effective_rank"] < COLLAPSED_RANK:
        logger.warning(
            "%s: the embeddings are collapsing (spread %.3f, effective rank %.1f); lower the "
            "learning rate or, in pretraining, use more negatives",
            where,
            row["spread"],
            row["effective_rank"],
        )
    if row.get("largest_share", 0) > DOMINANT_CLUSTER_FRACTION:
        logger.warning(
            "%s: one cluster holds %.0f%% of the images; lower the learning rate",
            where,
            100 * row["largest_share"],
        )
    if row.get("empty_clusters", 0):
        logger.warning(
            "%s: %d of the clusters asked for are empty; training continues with the others",
            where,
            row["empty_clusters"],
        )
