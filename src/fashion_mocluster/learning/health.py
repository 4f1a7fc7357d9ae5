"""Signs that a training has gone wrong: a loss that is no number, embeddings that collapse."""

import logging
import math

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

# Unit vectors whose spread is lower than this point the same way, but for noise.
COLLAPSED_SPREAD = 0.1
COLLAPSED_RANK = 1.5
# A cluster that holds this share of all images has swallowed the others.
DOMINANT_CLUSTER_FRACTION = 0.9


class TrainingDivergedError(FloatingPointError):
    """The loss became NaN or infinite.

    Args:
        loss: The value.
        where: Epoch and step, in words.
        learning_rate: At that step.
    """

    def __init__(self, loss: float, where: str, learning_rate: float):
        super().__init__(f"the loss became {loss} in {where} at learning rate {learning_rate:.4g}")


@torch.no_grad()
def effective_rank(vectors: Tensor) -> float:
    """Exp of the entropy of the normalized singular values (Roy and Vetterli 2007).

    Near 1 when all vectors (N, D) point the same way: the sign of a collapsed encoder.
    """
    values = torch.linalg.svdvals(vectors.float().cpu())
    share = values / values.sum()
    return float(torch.exp(-(share * share.clamp_min(1e-12).log()).sum()))


@torch.no_grad()
def spread(vectors: Tensor) -> float:
    """Root mean squared distance of the vectors' directions (N, D) from their mean: 0 if all point
    the same way, 1 if they cancel.
    """
    unit = torch.nn.functional.normalize(vectors.float(), dim=1)
    return math.sqrt(max(0.0, 1 - unit.mean(0).square().sum().item()))


def warn_of_collapse(name: str, row: dict[str, float]) -> None:
    """Warn if a history row shows embeddings that point one way or a cluster that takes all."""
    where = f"{name}: epoch {row['epoch']}"
    if row["spread"] < COLLAPSED_SPREAD or row["effective_rank"] < COLLAPSED_RANK:
        logger.warning(
            "%s: the embeddings collapse (spread %.3f, effective rank %.1f): images are told apart "
            "no more; a lower learning rate, or in pretraining more negatives, may help",
            *(where, row["spread"], row["effective_rank"]),
        )
    if row.get("largest_share", 0) > DOMINANT_CLUSTER_FRACTION:
        logger.warning(
            "%s: one cluster holds %.0f%% of the images; lower the learning rate",
            *(where, 100 * row["largest_share"]),
        )
    if row.get("empty_clusters", 0):
        logger.warning(
            "%s: %d of the clusters asked for are empty; the loss goes on with the others",
            *(where, row["empty_clusters"]),
        )
