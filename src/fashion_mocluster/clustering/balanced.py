"""K-means whose clusters are of equal size, for data that is known to be balanced.

The hard assignment of Lloyd's algorithm is replaced by the entropic optimal transport of the
points to clusters of equal mass (Cuturi 2013, Sinkhorn distances; Asano et al. 2020 use the same
constraint for labels), annealed from soft to nearly hard.
"""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

# Entropy of the transport, as a share of the mean squared distance to the mean.
ENTROPY = np.geomspace(0.2, 0.01, 12)
STEPS_PER_ENTROPY = 4
SINKHORN_ITERATIONS = 1000
# Columns may miss their equal share by this much.
TOLERANCE = 0.01


class BalancedKMeans(ClusterMixin, BaseEstimator):
    """Clusters of about N / n_clusters points each, compact as those of k-means.

    The result is the same for any number of threads, and for points moved or scaled.

    Args:
        n_clusters: Number of clusters.
        n_init: Starts, each from a k-means solution; the cheapest transport wins.
        random_state: Of the starts.

    Attributes:
        labels_: int64 (N,) in 0..n_clusters-1.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_clusters=8, *, n_init=10, random_state=None):
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X, y=None):  # noqa: N803 scikit-learn's name
        """Cluster points (N, D).

        Raises:
            ValueError: Fewer points than clusters, NaN or infinite values, or an invalid parameter.
        """
        self._validate_params()
        x = validate_data(self, X, dtype=np.float64)
        if self.n_clusters > len(x):
            raise ValueError(
                f"n_samples={len(x)} should be >= n_clusters={self.n_clusters}; lower it"
            )
        # Centerd, and scaled to unit mean square, so that the entropies mean the same for all data.
        x = x - x.mean(0)
        x /= np.sqrt(np.square(x).sum(1).mean()) or 1.0
        starts = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_init)
        # Sums of several threads would be rounded in another order than those of one.
        with threadpool_limits(1):
            costs, labels = zip(*(self._anneal(x, start) for start in starts), strict=True)
        self.labels_ = labels[np.argmin(costs)]
        return self

    def _anneal(self, x: np.ndarray, start: int) -> tuple[float, np.ndarray]:
        """Cost of the transport reached from one start, and the labels that it makes."""
        k_means = KMeans(self.n_clusters, n_init=1, random_state=start).fit(x)
        centers = k_means.cluster_centers_
        weights = np.ones(self.n_clusters)
        for entropy in np.repeat(ENTROPY, STEPS_PER_ENTROPY):
            cost = _squared_distances(x, centers)
            plan, weights = equal_mass_transport(cost, entropy, weights)
            centers = plan.T @ x / plan.sum(0)[:, None]
        return float((plan * cost).sum()), plan.argmax(1)


def equal_mass_transport(
    cost: np.ndarray, entropy: float, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The entropic optimal transport plan of points to clusters of equal mass.

    Args:
        cost: (N, K), non-negative.
        entropy: Strength of the smoothing; small means nearly one cluster per point.
        weights: (K,), where to start: those of a similar problem save most iterations.

    Returns:
        The plan (N, K), whose rows sum to 1 and columns to about N / K, and its weights (K,).
    """
    # A constant per row does not change the plan, and keeps the exponential from vanishing.
    kernel = np.exp(-(cost - cost.min(1, keepdims=True)) / entropy)
    share = len(cost) / cost.shape[1]
    for _ in range(SINKHORN_ITERATIONS):
        mass = np.maximum(kernel.T @ (1 / (kernel @ weights)), 1e-300)
        converged = np.abs(weights * mass / share - 1).max() < TOLERANCE
        weights = share / mass
        if converged:
            break
    plan = kernel * weights
    return plan / plan.sum(1, keepdims=True), weights


def _squared_distances(x: np.ndarray, centers: np.ndarray) -> np.ndarray:
    products = np.square(x).sum(1)[:, None] - 2 * x @ centers.T + np.square(centers).sum(1)
    return np.maximum(products, 0)
