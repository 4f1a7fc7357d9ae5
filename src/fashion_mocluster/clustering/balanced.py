"""K-means whose clusters are of equal size, for data that is known to be balanced.

The hard assignment of Lloyd's algorithm is replaced by the entropic optimal transport of the
points to clusters of equal mass (Cuturi 2013, Sinkhorn distances; Asano et al. 2020 use the same
constraint for labels), annealed from soft to nearly hard.
"""

import numpy as np
from sklearn.cluster import KMeans

# Entropy of the transport, as a share of the mean squared distance to the mean.
ENTROPY = np.geomspace(0.2, 0.01, 12)
STEPS_PER_ENTROPY = 4
SINKHORN_ITERATIONS = 1000
# Columns may miss their equal share by this much.
TOLERANCE = 0.01


def balanced_kmeans(x: np.ndarray, n_clusters: int, n_init: int, seed: int) -> np.ndarray:
    """Labels int64 (N,) of points (N, D) in clusters of about N / n_clusters points.

    Args:
        x: Points.
        n_clusters: Number of clusters.
        n_init: Starts, each from a k-means solution; the cheapest transport wins.
        seed: Of the starts.

    Raises:
        ValueError: More clusters than points.
    """
    if n_clusters > len(x):
        raise ValueError(f"cannot make {n_clusters} clusters of {len(x)} points")
    # Centred, and scaled to unit mean square, so that the entropies mean the same for all data.
    x = np.asarray(x, np.float64) - x.mean(0)
    x /= np.sqrt(np.square(x).sum(1).mean()) or 1.0
    best_cost, best_labels = np.inf, None
    for start in np.random.default_rng(seed).integers(2**31, size=n_init):
        centres = KMeans(n_clusters, n_init=1, random_state=int(start)).fit(x).cluster_centers_
        weights = np.ones(n_clusters)
        for entropy in np.repeat(ENTROPY, STEPS_PER_ENTROPY):
            cost = _squared_distances(x, centres)
            plan, weights = equal_mass_transport(cost, entropy, weights)
            centres = plan.T @ x / plan.sum(0)[:, None]
        total = float((plan * cost).sum())
        if total < best_cost:
            best_cost, best_labels = total, plan.argmax(1)
    return best_labels


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


def _squared_distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    products = np.square(x).sum(1)[:, None] - 2 * x @ centres.T + np.square(centres).sum(1)
    return np.maximum(products, 0)
