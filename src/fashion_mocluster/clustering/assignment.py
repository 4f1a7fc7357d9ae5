"""New points to clusters that were found without them."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from fashion_mocluster.clustering.neighbors import unit


def assign_by_neighbors(
    known: np.ndarray, clusters: np.ndarray, new: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """The cluster that most of a new point's nearest known points are in (Cover and Hart 1967).

    It serves every way of clustering alike: neither UMAP nor a spectral embedding has centers in
    the space of the points.

    Args:
        known: float (N, D), the points that were clustered.
        clusters: int (N,), their clusters.
        new: float (M, D), in the same space. Lengths do not count, only directions.
        n_neighbors: How many vote; all if there are fewer.

    Returns:
        Clusters int64 (M,), and the share of the votes that each got, float64 (M,).

    Raises:
        ValueError: Another number of dimensions, or values that are no numbers.
    """
    vote = KNeighborsClassifier(min(n_neighbors, len(known)), algorithm="brute")
    vote.fit(unit(known), clusters)
    shares = vote.predict_proba(unit(new))
    return vote.classes_[shares.argmax(1)].astype(np.int64), shares.max(1)
