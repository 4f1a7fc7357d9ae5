"""Exact nearest neighbours by blocked matrix products."""

import numpy as np


def nearest_neighbours(
    x: np.ndarray, n_neighbors: int, block: int = 1024
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other points of each point, Euclidean.

    Args:
        x: float (N, D).
        n_neighbors: How many, at most N - 1; the point itself does not count.
        block: Rows at a time; memory is ``block * N`` floats.

    Returns:
        Indices int64 (N, n_neighbors) and distances float32 (N, n_neighbors), nearest first.

    Raises:
        ValueError: ``n_neighbors`` is not in 1..N-1.
    """
    if not 1 <= n_neighbors < len(x):
        raise ValueError(
            f"n_neighbors must be 1 to {len(x) - 1} for {len(x)} points, got {n_neighbors}"
        )
    # Centring keeps the products small, so that their difference loses few digits.
    x = np.ascontiguousarray(x - x.mean(0), dtype=np.float32)
    half_norms = 0.5 * np.einsum("ij,ij->i", x, x)
    indices = np.empty((len(x), n_neighbors), np.int64)
    for start in range(0, len(x), block):
        rows = np.arange(start, min(start + block, len(x)))
        # |a - b|^2 / 2 up to a constant per row, which does not change the order.
        near = half_norms - x[rows] @ x.T
        near[rows - start, rows] = np.inf
        indices[rows] = np.argpartition(near, n_neighbors - 1, axis=1)[:, :n_neighbors]
    # Distances of the few that are left, computed without cancellation.
    distances = np.empty(indices.shape, np.float32)
    for start in range(0, len(x), block):
        rows = slice(start, start + block)
        distances[rows] = np.linalg.norm(x[indices[rows]] - x[rows, None], axis=2)
    order = np.lexsort((indices, distances), axis=1)
    return np.take_along_axis(indices, order, 1), np.take_along_axis(distances, order, 1)


def neighbour_graph(x: np.ndarray, n_neighbors: int):
    """Symmetric 0, 1/2, 1 affinity of the kNN graph, as scikit-learn's ``nearest_neighbors``.

    Each point counts as its own neighbour, as there.

    Returns:
        scipy.sparse.csr_array float64 (N, N).
    """
    from scipy.sparse import csr_array, eye_array

    count = len(x)
    others = min(n_neighbors, count) - 1
    graph = eye_array(count, format="csr")
    if others > 0:
        indices, _ = nearest_neighbours(x, others)
        pointers = np.arange(0, count * others + 1, others)
        ones = np.ones(count * others)
        graph = graph + csr_array((ones, indices.ravel(), pointers), shape=(count, count))
    return csr_array(0.5 * (graph + graph.T))
