"""Assignment of new points to clusters that were found without them."""

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from fashion_mocluster.clustering.neighbors import unit


def assign_by_neighbors(
    known: np.ndarray, clusters: np.ndarray, new: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """The most frequent cluster among the nearest known points (Cover and Hart 1967).

    This suits every clustering method: UMAP and spectral clustering have no centers in the space of
    the points.

    Args:
        known: float (N, D), the points that were clustered. Only their directions count.
        clusters: int (N,), their clusters.
        new: float (M, D), in the same space.
        n_neighbors: How many vote; all if there are fewer.

    Returns:
        Clusters int64 (M,), and the share of the votes that each got, float64 (M,).

    Raises:
        ValueError: The number of dimensions differs, or values are NaN or infinite.
    """
    vote = KNeighborsClassifier(min(n_neighbors, len(known)), algorithm="brute")
    vote.fit(unit(known), clusters)
    shares = vote.predict_proba(unit(new))
    return vote.classes_[shares.argmax(1)].astype(np.int64), shares.max(1)
