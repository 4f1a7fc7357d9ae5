"""How well each point sits in its cluster."""

import numpy as np

from fashion_mocluster.clustering.neighbors import nearest_neighbors, unit


def neighbor_agreement(x: np.ndarray, labels: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Share of a point's nearest neighbors that are in its cluster, float64 (N,).

    Args:
        x: float (N, D). Lengths do not count, only directions.
        labels: int (N,).
        n_neighbors: How many are asked; all others if there are fewer.
    """
    neighbors, _ = nearest_neighbors(unit(x), min(n_neighbors, len(x) - 1))
    return (labels[neighbors] == labels[:, None]).mean(1)


def typical_and_borderline(
    x: np.ndarray, labels: np.ndarray, agreement: np.ndarray, count: int
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of each cluster the points that belong to it most and least clearly.

    Args:
        x: float (N, D). Lengths do not count, only directions.
        labels: int (N,).
        agreement: That of :func:`neighbor_agreement`; among equals the direction nearest to the
            cluster's mean direction is the more typical.
        count: How many of each; of a cluster smaller than twice that, half of it.

    Returns:
        Rows by cluster: the most typical, best first, and the hardest, hardest first.
    """
    directions = unit(x)
    found = {}
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        central = directions[rows] @ directions[rows].mean(0)
        ordered = rows[np.lexsort((-central, -agreement[rows]))]
        shown = min(count, max(1, len(rows) // 2))
        found[int(cluster)] = ordered[:shown], ordered[::-1][:shown]
    return found
