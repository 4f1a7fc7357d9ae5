"""Assignment of new points to clusters that were found without them."""

from typing import NamedTuple

import numpy as np

from fashion_mocluster.clustering.neighbors import nearest_among, unit


class Assignment(NamedTuple):
    """What the nearest known points say of new ones.

    Attributes:
        clusters: int64 (M,), the most frequent cluster among them.
        share: float64 (M,), in 0..1: how many of them are in it.
        distances: float64 (M, n_neighbors), between directions (0 to 2), nearest first.
    """

    clusters: np.ndarray
    share: np.ndarray
    distances: np.ndarray


def assign_by_neighbors(
    known: np.ndarray, clusters: np.ndarray, new: np.ndarray, n_neighbors: int
) -> Assignment:
    """The most frequent cluster among the nearest known points (Cover and Hart 1967); of several the
    one with the lowest number.

    This suits every clustering method: UMAP and spectral clustering have no centers in the space of
    the points.

    Args:
        known: float (N, D), the points that were clustered. Only their directions count.
        clusters: int (N,), their clusters; -1 for those that none holds.
        new: float (M, D), in the same space.
        n_neighbors: How many vote; all if there are fewer.

    Raises:
        ValueError: The number of dimensions differs, or values are NaN or infinite.
    """
    indices, distances = nearest_among(unit(known), unit(new), min(n_neighbors, len(known)))
    numbers, positions = np.unique(clusters, return_inverse=True)
    votes = np.zeros((len(new), len(numbers)), np.int64)
    np.add.at(votes, (np.arange(len(new))[:, None], positions[indices]), 1)
    return Assignment(
        numbers[votes.argmax(1)].astype(np.int64), votes.max(1) / indices.shape[1], distances
    )
