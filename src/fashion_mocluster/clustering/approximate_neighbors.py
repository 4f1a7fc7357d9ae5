"""Nearest neighbors among more points than can all be compared.

A hierarchical navigable small world graph (Malkov and Yashunin 2020, "Efficient and robust approximate
nearest neighbor search using hierarchical navigable small world graphs") as faiss builds it (Douze et
al. 2024, "The faiss library"; MIT License): a search goes from point to nearer point along its links.
"""

import logging

import numpy as np
from sklearn.utils import assert_all_finite
from threadpoolctl import threadpool_limits

logger = logging.getLogger(__name__)

# The share of the neighbors that is to be found, measured on so many of the queries.
RECALL, MEASURED_QUERIES = 0.95, 500
# Links of each point, and how many candidates are kept to find them; 16 and 40 take twice as long for
# hardly more recall.
LINKS, KEPT_WHILE_LINKING = 12, 24
# How many candidates a search keeps: at first, and at most.
FEWEST_KEPT, MOST_KEPT = 16, 1024


def approximate_neighbors(
    points: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each query, Euclidean, of which ``RECALL`` or more are found.

    How thorough a search that takes is measured, and the share that is found is logged. The result is
    the same for any number of threads.

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
    graph = faiss.IndexHNSWFlat(points.shape[1], LINKS)
    graph.hnsw.efConstruction = KEPT_WHILE_LINKING
    with threadpool_limits(1, "openmp"):  # several threads would link the points in any order
        graph.add(points)
    some = queries[np.random.default_rng(0).permutation(len(queries))[:MEASURED_QUERIES]]
    true = _lengths(points, some, faiss.knn(some, points, n_neighbors)[1])
    kept, recall = FEWEST_KEPT // 2, 0.0
    while recall < RECALL and kept < MOST_KEPT:
        graph.hnsw.efSearch = kept = 2 * kept
        found = _lengths(points, some, graph.search(some, n_neighbors)[1])
        recall = (found <= 1.000001 * true[:, -1:])[:, own:].mean()
    logger.log(
        logging.INFO if recall >= RECALL else logging.WARNING,
        "the %d nearest of %d points are approximate: recall %.3f, measured on %d points",
        *(n_neighbors - own, len(points), recall, len(some)),
    )
    squares, indices = graph.search(queries, n_neighbors)
    few = indices[:, -1] < 0  # where links lead to too few other points
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
