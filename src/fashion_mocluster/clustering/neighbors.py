"""Exact nearest neighbors by blocked matrix products, and the graph that they make."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits

# Rows that one thread searches at a time; its memory is BLOCK * N floats.
BLOCK = 256
# The smallest values of a row are looked for in this many groups of its columns.
GROUPS = 1024
# Candidates beyond those asked for, whose order rounding may have mixed up.
EXTRA_CANDIDATES = 8


def unit(x: np.ndarray) -> np.ndarray:
    """Points (N, D) of unit length, whose distances tell directions apart; those at 0 stay there."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def nearest_neighbors(x: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other points of each point, Euclidean.

    Products in single precision pick a few candidates more than asked for, differences order
    them. Where the rounding of the products could have hidden a neighbor, the search is repeated
    in double precision. The answer does not depend on the number of threads; which of several
    equally distant points are kept is arbitrary, but the same every time.

    Args:
        x: float (N, D).
        n_neighbors: How many, at most N - 1; the point itself does not count.

    Returns:
        Indices int64 (N, n_neighbors) and distances float32 (N, n_neighbors), nearest first.

    Raises:
        ValueError: ``n_neighbors`` is not in 1..N-1.
    """
    count = len(x)
    if not 1 <= n_neighbors < count:
        raise ValueError(
            f"n_neighbors must be 1 to {count - 1} for {count} points, got {n_neighbors}"
        )
    indices = np.empty((count, n_neighbors), np.int64)
    distances = np.empty((count, n_neighbors), np.float32)
    rows = np.arange(count)
    for precision in (np.float32, np.float64):
        indices[rows], distances[rows], certain = _search(x, rows, n_neighbors, precision)
        rows = rows[~certain]
        if len(rows) == 0:
            break
    return indices, distances


def _search(
    x: np.ndarray, rows: np.ndarray, n_neighbors: int, precision: type
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbors and distances (len(rows), n_neighbors), and whether single precision is enough."""
    count, dimensions = x.shape
    queries, table, half_norms, radius = _product_form(x, precision)
    # What a product and a sum of squares of numbers up to 1 may be wrong by (Higham 2002, 3.1).
    error = 2 * (dimensions + 6) * np.finfo(np.float32).eps
    n_candidates = min(n_neighbors + EXTRA_CANDIDATES, count - 1)
    indices = np.empty((len(rows), n_neighbors), np.int64)
    distances = np.empty((len(rows), n_neighbors), np.float32)
    certain = np.full(len(rows), n_candidates == count - 1)

    def search(block: slice) -> None:
        here = rows[block]
        nearness = queries[here] @ table.T
        nearness[np.arange(len(here)), here] = np.inf
        candidates, bound = _smallest(nearness, n_candidates)
        indices[block], distances[block] = _nearest_first(x, here, candidates, n_neighbors)
        # No point that is not a candidate can be nearer than the farthest of those returned.
        farthest = 0.5 * (distances[block, -1] / radius) ** 2 - half_norms[here]
        certain[block] |= farthest <= bound - error

    _in_threads(search, len(rows))
    return indices, distances, certain


def _product_form(
    x: np.ndarray, precision: type
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Queries q (N, D + 1) and table t (M, D + 1) with q_i . t_j = |a_i - a_j|^2 / 2 - |a_i|^2 / 2.

    The a are the points centerd and within the unit sphere, which keeps the products small, so
    that their difference loses few digits. What is left out is constant per row and does not
    change the order. Points at infinity fill the table up to a multiple of ``GROUPS``.

    Returns:
        q, t, |a|^2 / 2 (N,), and the radius that was scaled to 1.
    """
    count, dimensions = x.shape
    a = x - x.mean(0, dtype=np.float64)
    radius = np.sqrt(np.einsum("ij,ij->i", a, a).max()) or 1.0
    a /= radius
    half_norms = 0.5 * np.einsum("ij,ij->i", a, a)
    queries = np.ones((count, dimensions + 1), precision)
    queries[:, :-1] = a
    table = np.zeros((-(-count // GROUPS) * GROUPS, dimensions + 1), precision)
    table[:count, :-1] = -a
    table[:count, -1] = half_norms
    table[count:, -1] = np.inf
    return queries, table, half_norms, radius


def _smallest(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (N, k) of the k smallest values of each row, unordered, and the largest of them.

    They lie in the k groups with the smallest minima; to find those is one vectorized pass, where
    a cluster of whole rows is many times slower.

    Args:
        values: (N, a multiple of GROUPS).
    """
    count = len(values)
    minima = values.reshape(count, -1, GROUPS).min(1)
    groups = np.argpartition(minima, min(k, GROUPS) - 1, axis=1)[:, :k]
    columns = groups[:, :, None] + np.arange(0, values.shape[1], GROUPS)
    columns = columns.reshape(count, -1)
    values = np.take_along_axis(values, columns, 1)
    order = np.argpartition(values, k - 1, axis=1)[:, :k]
    return (
        np.take_along_axis(columns, order, 1),
        np.take_along_axis(values, order[:, -1:], 1)[:, 0],
    )


def _nearest_first(
    x: np.ndarray, rows: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of some candidates (len(rows), any) by differences, ties by index."""
    difference = x[candidates] - x[rows, None]
    squares = np.einsum("ijk,ijk->ij", difference, difference)
    order = np.lexsort((candidates, squares), axis=1)[:, :k]
    return np.take_along_axis(candidates, order, 1), np.sqrt(np.take_along_axis(squares, order, 1))


def blas_threads() -> int:
    """Threads that a matrix product may use here."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in pools), default=1)


def _in_threads(work: Callable[[slice], None], count: int) -> None:
    """Call ``work`` on all blocks of ``count`` rows, in as many threads as BLAS may use.

    Each call has one thread for its products: the selection gains too, and the rounding is the
    same for any number of threads.
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, count, BLOCK)]
    threads = blas_threads()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, blocks))  # the list raises what a thread raised


def neighbor_graph(x: np.ndarray, n_neighbors: int) -> csr_array:
    """Which points are the nearest others of which.

    Args:
        x: float (N, D).
        n_neighbors: How many others; all if there are fewer.

    Returns:
        0 and 1, float64 (N, N), not symmetric, zero on the diagonal.
    """
    count = len(x)
    n_neighbors = min(n_neighbors, count - 1)
    if n_neighbors == 0:
        return csr_array((count, count))
    indices, _ = nearest_neighbors(x, n_neighbors)
    # Half the memory of SciPy's default, and what scikit-learn's graph functions ask for.
    columns = indices.ravel().astype(np.int32)
    pointers = np.arange(0, columns.size + 1, n_neighbors, dtype=np.int32)
    return csr_array((np.ones(columns.size), columns, pointers), shape=(count, count))
