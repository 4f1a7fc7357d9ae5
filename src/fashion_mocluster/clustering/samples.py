"""Samples of more points than a method can take in."""

import logging

import numpy as np

logger = logging.getLogger(__name__)

# How many points most methods take in, and how many the slow ones: UMAP (half a minute for so many, and
# some methods run it six times), HDBSCAN, and Ward's linkage (3 GB). Of FEW points each of 30 clusters of
# unequal size still has some hundreds.
MANY, FEW = 100_000, 20_000


def sample(rows: np.ndarray, at_most: int, seed: int, what_for: str) -> np.ndarray:
    """``rows``, int (N,), or, if they are more than ``at_most``, so many of them at random, ascending;
    that is logged.

    Args:
        what_for: For the log.
    """
    if len(rows) <= at_most:
        return rows
    logger.info(
        "%s: of %d images a random sample of %d is looked at, for all would take too long",
        *(what_for, len(rows), at_most),
    )
    return np.sort(np.random.default_rng(seed).choice(rows, at_most, replace=False))
