"""Nearest neighbors among more points than can all be compared.

An inverted file (Jégou, Douze and Schmid 2011, "Product quantization for nearest neighbor search") as
faiss has it (Douze et al. 2024, "The faiss library"; MIT License), without compression: k-means divides
the points into cells, and a query is compared with the points of the cells that are nearest to it.
"""

import logging

import numpy as np
from sklearn.utils import assert_all_finite

logger = logging.getLogger(__name__)

# The share of the neighbors that is found at least, measured on so many of the queries.
RECALL, MEASURED_QUERIES = 0.95, 500
# There are CELLS times the root of the number of points; at first so many of them are searched.
CELLS, FIRST_PROBES = 4, 8
# By which the cells are found: iterations of k-means, and points for each cell.
ITERATIONS, POINTS_OF_CELL = 5, 40


def approximate_neighbors(
    points: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each query, Euclidean, of which ``RECALL`` or more are found.

    How many cells that takes is measured, and the share that is found is logged.

    Args:
        points: float (N, D).
        queries: float (M, D); where they are ``points`` itself, each is its own nearest, which does
            not count as found.
        n_neighbors: How many, at most N.

    Returns:
        Indices int64 (M, n_neighbors) and distances float32 (M, n_neighbors), nearest first.

    Raises:
        ValueError: Values are NaN or infinite.
    """
    import faiss

    for x in (points, queries):
        assert_all_finite(x)

    own = int(queries is points)
    mean = points.mean(0, dtype=np.float64).astype(points.dtype)
    points = np.ascontiguousarray(points - mean, np.float32)
    queries = points if own else np.ascontiguousarray(queries - mean, np.float32)
    dimensions, n_cells = points.shape[1], int(CELLS * len(points) ** 0.5)
    cells = faiss.IndexFlatL2(dimensions)
    index = faiss.IndexIVFFlat(cells, dimensions, n_cells)
    index.cp.niter, index.cp.max_points_per_centroid = ITERATIONS, POINTS_OF_CELL
    index.train(points)
    index.add(points)
    some = queries[np.random.default_rng(0).permutation(len(queries))[:MEASURED_QUERIES]]
    true = _lengths(points, some, faiss.knn(some, points, n_neighbors)[1])
    index.nprobe = FIRST_PROBES
    while True:
        found = _lengths(points, some, index.search(some, n_neighbors)[1])
        recall = (found <= 1.000001 * true[:, -1:])[:, own:].mean()
        if recall >= RECALL or index.nprobe >= n_cells:
            break
        index.nprobe = min(2 * index.nprobe, n_cells)
    logger.info(
        "%d nearest among %d points are searched in %d of %d cells: recall %.3f, measured on %d points",
        *(n_neighbors, len(points), index.nprobe, n_cells, recall, len(some)),
    )
    squares, indices = index.search(queries, n_neighbors)
    few = indices[:, -1] < 0  # small cells
    if few.any():
        squares[few], indices[few] = faiss.knn(queries[few], points, n_neighbors)
    return indices, np.sqrt(squares)


def _lengths(points: np.ndarray, queries: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Distances of each query and its neighbors, (M, k); infinite where the index is -1. Unlike those
    of a search they are no differences of large products.
    """
    lengths = [
        np.linalg.norm(points[row] - query, axis=1)
        for row, query in zip(indices, queries, strict=True)
    ]
    return np.where(indices < 0, np.inf, lengths)
