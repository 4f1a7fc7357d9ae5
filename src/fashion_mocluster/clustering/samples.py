"""Samples of more points than a method can take in."""

import logging

import numpy as np

from fashion_mocluster.clustering.neighbors import ALL_PAIRS

logger = logging.getLogger(__name__)

# How many of more than ALL_PAIRS points are drawn. On 70,000 embeddings of Fashion-MNIST clusters of
# 50,000 agreed with those of all as well as another seed's do.
SAMPLE = 50_000


def sample_of_many(
    rows: np.ndarray, seed: int, what_for: str, size: int | None = None
) -> np.ndarray:
    """``rows``, int (N,), or, of more than ``ALL_PAIRS``, some of them at random, ascending; logged.

    Args:
        what_for: For the log.
        size: How many; None for ``SAMPLE``.
    """
    if len(rows) <= ALL_PAIRS:
        return rows
    size = min(size or SAMPLE, len(rows))
    logger.info(
        "%s: of %d images a random sample of %d is looked at, for all would take too long",
        *(what_for, len(rows), size),
    )
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))
