"""Samples of more points than a method can take in."""

import logging

import numpy as np

from fashion_mocluster.clustering.neighbors import ALL_PAIRS

logger = logging.getLogger(__name__)

# How many of more than ALL_PAIRS points are drawn.
SAMPLE = 50_000
# How many are drawn, if there are more, for what takes long: UMAP, then half a minute, which some
# methods run six times; HDBSCAN; Ward's linkage, then 3 GB. Each of 30 clusters of unequal size still
# has some hundreds.
SMALL_SAMPLE = 20_000


def sample_of_many(
    rows: np.ndarray, seed: int, what_for: str, size: int | None = None
) -> np.ndarray:
    """``rows``, int (N,), or, of more than ``ALL_PAIRS``, some of them at random, ascending; logged.

    Args:
        what_for: For the log.
        size: How many; None for ``SAMPLE``.
    """
    return _sample(rows, seed, what_for, size or SAMPLE, ALL_PAIRS)


def small_sample(rows: np.ndarray, seed: int, what_for: str) -> np.ndarray:
    """The same of more than ``SMALL_SAMPLE``, so many of them."""
    return _sample(rows, seed, what_for, SMALL_SAMPLE, SMALL_SAMPLE)


def _sample(rows: np.ndarray, seed: int, what_for: str, size: int, limit: int) -> np.ndarray:
    if len(rows) <= max(limit, size):
        return rows
    logger.info(
        "%s: of %d images a random sample of %d is looked at, for all would take too long",
        *(what_for, len(rows), size),
    )
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False))
