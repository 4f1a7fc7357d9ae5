"""Samples of more points than a method can take in."""

import logging

import numpy as np

from fashion_mocluster.clustering.neighbors import ALL_PAIRS

logger = logging.getLogger(__name__)

# How many of more than ALL_PAIRS points are drawn: for each of 30 clusters of unequal size still some
# hundreds, and UMAP takes about a minute.
SAMPLE = 50_000


def sample_of_many(
    rows: np.ndarray, seed: int, what_for: str, size: int | None = None
) -> np.ndarray:
    """``rows``, int (N,), or, of more than ``ALL_PAIRS``, some of them at random, ascending; logged.

    Args:
        what_for: For the log.
        size: How many; None for ``SAMPLE``.
    """
    size = size or SAMPLE
    if len(rows) <= max(ALL_PAIRS, size):
        return rows
    logger.info(
        "%s: of %d images a random sample of %d is looked at, for all would take too long",
        *(what_for, len(rows), size),
    )
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))
