"""Nearest neighbors, and the graph of them.

One evaluation asks several times for neighbors of the same points: to find copies, to score, to average
points, for UMAP and its repetitions. The last searches are therefore remembered.
"""

import hashlib
from threading import Lock

import numpy as np
from cachetools import LRUCache, cached
from scipy.sparse import csr_array
from sklearn.neighbors import NearestNeighbors

from fashion_mocluster.clustering.approximate_neighbors import (
    approximate_neighbors,
    compare_all_pairs,
)
from fashion_mocluster.wording import counted

# So many points of so many dimensions are all compared with each other, and fewer of more dimensions;
# among more points most neighbors are found, not all.
ALL_PAIRS, DIMENSIONS = 100_000, 128
# So many are searched for at least, whoever asks: which of equally distant points are found then does not
# depend on who asked before.
SHARED = 30
# Of the searches remembered: several dozen of 10,000 points, seven of ALL_PAIRS. And of each neighbor in
# them, its index and distance.
REMEMBERED_BYTES, BYTES_OF_NEIGHBOR = 2**28, 12
# From this share of copies on, points are searched without them.
MANY_COPIES = 0.1


def pairs_take_long(n_points: int, n_queries: int, n_dimensions: int) -> bool:
    """Whether comparing all pairs would take more than about a minute on one core."""
    return n_points * n_queries * max(1, n_dimensions / DIMENSIONS) > ALL_PAIRS**2


def unit(x: np.ndarray) -> np.ndarray:
    """Points (N, D) scaled to unit length, so that distances compare directions; a point at 0 stays
    there.
    """
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def distinct_points(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (M, D) without copies, in the order of their first occurrence, and which of them each
    point (N, D) equals, int64 (N,).
    """
    _, first, inverse = np.unique(x, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return x[first[order]], rank[inverse.ravel()]


def nearest_neighbors(x: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other points of each point, Euclidean: all of them, or, where
    :func:`pairs_take_long`, nearly all, see :func:`approximate_neighbors`.

    Which of several equally distant points are returned is arbitrary. The same points are searched
    once, also for another number of neighbors up to ``SHARED``, unless they are too many to remember.

    Args:
        x: float (N, D).
        n_neighbors: How many, at most N - 1; the point itself does not count.

    Returns:
        Indices int64 (N, n_neighbors) and distances float32 (N, n_neighbors), nearest first; read-only.

    Raises:
        ValueError: ``n_neighbors`` is not in 1..N-1.
    """
    count = len(x)
    if not 1 <= n_neighbors < count:
        raise ValueError(
            f"n_neighbors must be 1 to {count - 1} for {counted(count, 'point')}, got {n_neighbors}"
        )
    indices, distances = search(x, _searched(n_neighbors, x))
    return indices[:, :n_neighbors], distances[:, :n_neighbors]


def _searched(n_neighbors: int, x: np.ndarray) -> int:
    """How many neighbors of points (N, D) are searched for where so many are asked for."""
    if len(x) * BYTES_OF_NEIGHBOR * SHARED > REMEMBERED_BYTES:
        return n_neighbors
    return min(max(n_neighbors, SHARED), len(x) - 1)


def _fingerprint(x: np.ndarray, n_neighbors: int) -> tuple:
    """What tells one search from another; equal points have one, in whatever memory layout."""
    digest = hashlib.blake2b(np.ascontiguousarray(x), digest_size=16).digest()
    return digest, x.shape, x.dtype.str, n_neighbors


@cached(
    LRUCache(REMEMBERED_BYTES, getsizeof=lambda found: sum(a.nbytes for a in found)),
    key=_fingerprint,
    lock=Lock(),
)
def search(x: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`nearest_neighbors`, of any points and remembered."""
    count = len(x)
    if pairs_take_long(count, *x.shape):
        found = approximate_neighbors(x, x, n_neighbors + 1)
        indices, distances = _without_itself(*found, np.arange(count))
    else:
        # Distances come from products of the points, whose digits are better spent on differences.
        brute = NearestNeighbors(algorithm="brute").fit(x - x.mean(0, dtype=np.float64))
        distances, indices = brute.kneighbors(n_neighbors=n_neighbors)
        distances = distances.astype(np.float32)
    for found in (indices, distances):
        found.flags.writeable = False
    return indices, distances


def _without_itself(
    indices: np.ndarray, distances: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbors (M, k) less one, the point itself, whose index is ``own``, int (M,). Of many copies it
    may not be among those that were found.
    """
    others = indices != own[:, None]
    others[others.all(1), -1] = False
    return tuple(a[others].reshape(len(own), -1) for a in (indices, distances))


def nearest_in_rows(
    x: np.ndarray, rows: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """What :func:`nearest_neighbors` finds in ``x[rows]``, from the search of all points, which is the
    longest step of a million: only those that have many neighbors elsewhere are searched for again. Where
    many points are left out, the rows are searched alone, for all copies of a point are near each other.

    Args:
        x: float (N, D).
        rows: int (M,), ascending.
        n_neighbors: How many, at most M - 1.
    """
    if len(rows) == len(x):
        return nearest_neighbors(x, n_neighbors)
    if len(rows) < (1 - MANY_COPIES) * len(x):
        return nearest_neighbors(x[rows], n_neighbors)
    known = nearest_neighbors(x, _searched(n_neighbors, x))
    place = np.full(len(x), -1)
    place[rows] = np.arange(len(rows))
    indices, distances = place[known[0][rows]], known[1][rows]
    first = np.argsort(indices < 0, axis=1, kind="stable")[:, :n_neighbors]
    indices, distances = (np.take_along_axis(a, first, 1) for a in (indices, distances))
    few = np.flatnonzero(indices[:, -1] < 0)
    if len(few):
        again = nearest_among(x[rows], x[rows[few]], n_neighbors + 1)
        indices[few], distances[few] = _without_itself(*again, few)
    return indices, distances


def nearest_among(
    points: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices int64 and distances float, (M, n_neighbors) both, of the points (N, D) that are nearest
    to each of the queries (M, D); nearly all of these where :func:`pairs_take_long`.
    """
    if pairs_take_long(len(points), *queries.shape):
        return approximate_neighbors(points, queries, n_neighbors)
    return compare_all_pairs(points, queries, n_neighbors)


def take_rows(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows of ``x`` (N, D), ascending; ``x`` itself where they are all, for a copy in another
    memory layout would be rounded otherwise in sums.
    """
    return x if len(rows) == len(x) else x[rows]


def nearest_distinct(
    x: np.ndarray, n_neighbors: int, representative: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other directions of each point among those that are no copies.

    Args:
        x: float (N, D). Lengths do not count.
        n_neighbors: How many; all others if there are fewer.
        representative: int (N,), the point that each is a copy of, or itself. Copies have the
            neighbors of their representative.

    Returns:
        Indices int64 and distances float32 between directions (0 to 2), (N, n_neighbors) both,
        nearest first.
    """
    rows, of_each = np.unique(representative, return_inverse=True)
    indices, distances = nearest_in_rows(unit(x), rows, min(n_neighbors, len(rows) - 1))
    return rows[indices][of_each], distances[of_each]


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
