"""Nearest neighbors among more points than can all be compared.

Points lie in cells around the centers of a k-means, and a query is compared with those in the cells
nearest to it: an inverted file (Sivic and Zisserman 2003, "Video Google"; Jégou et al. 2011, "Product
quantization for nearest neighbor search"). What asks for one cell is compared with it at once, by one
product of matrices, several times as fast as query by query. Of points with many dimensions candidates
are found in their principal components and compared in all dimensions.
"""

import logging
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import assert_all_finite, gen_batches
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.blas import blas_threads
from fashion_mocluster.progress import Progress

logger = logging.getLogger(__name__)

# The share of the neighbors that is to be found, measured on so many of the queries.
RECALL, MEASURED_QUERIES = 0.95, 500
# In how many cells is looked, tried in this order. The last is for points without structure.
LOOKED_INTO = 1, 2, 4, 8, 16, 32, 64
# Points of each cell by which its center is found.
POINTS_OF_CELL = 50
# Of more dimensions than this, so many principal components are searched, for so many times as many
# points as are asked for.
COMPONENTS, CANDIDATES = 128, 3
# Points by which principal components are found, queries that are answered and numbers that are gathered
# at once.
PCA_POINTS, ANSWERED, GATHERED = 20_000, 200_000, 2**22
# Queries from which on threads share the cells. Products for fewer are so small that the threads would
# mostly wait for each other.
SHARED = 20_000
# Points whose cells a thread looks for at once.
CELLS_SOUGHT = 1024


def approximate_neighbors(
    points: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each query, Euclidean, of which ``RECALL`` or more are found.

    In how many cells that takes to look is measured, and the share that is found is logged. The
    result is the same for any number of threads, but for which of equally distant points are found.

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
    for x in (points, queries):
        assert_all_finite(x)
    alike = queries is points
    # Distances come from products of the points, whose digits are better spent on differences.
    mean = points.mean(0, dtype=np.float64)
    points = _less(points, mean)
    queries = points if alike else _less(queries, mean)
    project = _projection(points)
    searched = project(points)
    asking = searched if alike else project(queries)
    cells = _Cells(searched)
    is_reduced = searched.shape[1] < points.shape[1]
    n_candidates = min(CANDIDATES * n_neighbors, len(points)) if is_reduced else n_neighbors

    def search(rows: np.ndarray | slice, n_cells: int) -> tuple[np.ndarray, np.ndarray]:
        found = cells.search(asking[rows], n_candidates, n_cells)
        return _nearest_of(points, queries[rows], found, n_neighbors)

    own = int(alike and n_neighbors > 1)
    # Not those by which cells and components are found, which lie more favorably.
    some = np.random.default_rng(1).permutation(len(queries))[:MEASURED_QUERIES]
    true = _lengths(points, queries[some], compare_all_pairs(points, queries[some], n_neighbors)[0])
    for n_cells in LOOKED_INTO:
        found = _lengths(points, queries[some], search(some, n_cells)[0])
        recall = (found <= 1.000001 * true.max(1, keepdims=True))[:, own:].mean()
        if recall >= RECALL or n_cells >= len(cells.centers):
            break
    logger.log(
        logging.INFO if recall >= RECALL else logging.WARNING,
        "the %d nearest of %d points are approximate: recall %.3f, measured on %d points",
        *(n_neighbors - own, len(points), recall, len(some)),
    )
    progress, parts = Progress("nearest neighbors", len(queries)), []
    for rows in gen_batches(len(queries), ANSWERED):
        parts.append(search(rows, n_cells))
        progress.add(len(parts[-1][0]))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


class _Cells:
    """Points in as many cells as each has points on average.

    Args:
        points: float32 (N, D).

    Attributes:
        centers: float32 (C, D), of the cells.
    """

    def __init__(self, points: np.ndarray):
        n_cells = int(len(points) ** 0.5)
        drawn = np.random.default_rng(0).permutation(len(points))[: POINTS_OF_CELL * n_cells]
        kmeans = KMeans(n_cells, init="random", n_init=1, max_iter=10, random_state=0)
        with warnings.catch_warnings(), threadpool_limits(1):  # several threads add up in any order
            warnings.simplefilter("ignore", ConvergenceWarning)  # of copies there are fewer cells
            self.centers = kmeans.fit(points[np.sort(drawn)]).cluster_centers_
        cell = _nearest_centers(points, self.centers, 1).ravel()
        self._indices = np.argsort(cell, kind="stable")
        self._numbers = np.arange(n_cells)
        self._bounds = [*np.searchsorted(cell[self._indices], self._numbers), len(points)]
        # Relative to the center of its cell a point has few digits before those that tell it from others.
        self._points = points[self._indices]
        for center, (begin, end) in zip(self.centers, pairwise(self._bounds), strict=True):
            self._points[begin:end] -= center
        self._squares = np.einsum("ij,ij->i", self._points, self._points)

    def search(self, queries: np.ndarray, n_neighbors: int, n_cells: int) -> np.ndarray:
        """Indices int64 (M, n_neighbors), in any order, of the points nearest to each of the queries
        (M, D) in the ``n_cells`` cells whose centers are nearest to it, or in more of them where these
        hold too few.
        """
        n_cells = min(n_cells, len(self.centers))
        shape = len(queries), n_neighbors
        indices, squares = np.full(shape, -1), np.full(shape, np.inf, np.float32)
        cells = _nearest_centers(queries, self.centers, n_cells)

        def look(cell: int, rows: np.ndarray) -> None:
            if len(rows) and self._bounds[cell] < self._bounds[cell + 1]:
                near = self._nearer(cell, queries[rows], squares[rows].max(1), n_neighbors)
                indices[rows], squares[rows] = _first(
                    np.hstack([indices[rows], near[0]]),
                    np.hstack([squares[rows], near[1]]),
                    n_neighbors,
                )

        with ThreadPoolExecutor(blas_threads()) as pool, threadpool_limits(1):
            share = pool.map if len(queries) >= SHARED else map
            # The nearest cells first: few points of the others are nearer than what these hold.
            for asked in cells.T:
                order = np.argsort(asked, kind="stable")
                rows = np.split(order, np.searchsorted(asked[order], self._numbers[1:]))
                list(share(look, self._numbers, rows))
        few = np.flatnonzero((indices < 0).any(1))
        if len(few):
            indices[few] = self.search(queries[few], n_neighbors, 2 * n_cells)
        return indices

    def _nearer(
        self, cell: int, queries: np.ndarray, bounds: np.ndarray, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Indices int64 and squared distances float32, (M, K) both, of the points of a cell that are
        nearer to each of the queries (M, D) than the square root of its bound, float32 (M,). K is the
        largest number of them; queries with fewer get -1 and infinity.
        """
        here = slice(*self._bounds[cell : cell + 2])
        queries = queries - self.centers[cell]
        lengths = np.einsum("ij,ij->i", queries, queries)
        squares = (-2 * queries) @ self._points[here].T
        squares += self._squares[here]
        squares += lengths[:, None]
        if np.isinf(bounds).all() and squares.shape[1] > n_neighbors:
            return _first(np.broadcast_to(self._indices[here], squares.shape), squares, n_neighbors)
        row, column = np.nonzero(squares < bounds[:, None])
        counts = np.bincount(row, minlength=len(queries))
        place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = len(queries), counts.max(initial=0)
        indices, nearer = np.full(shape, -1), np.full(shape, np.inf, np.float32)
        indices[row, place] = self._indices[here][column]
        nearer[row, place] = squares[row, column]
        return indices, nearer


def _nearest_centers(x: np.ndarray, centers: np.ndarray, count: int) -> np.ndarray:
    """Indices int64 (N, count) of the centers (C, D) nearest to each of the points (N, D), nearest first.
    Rounding decides between those that are equally near but for seven digits.
    """
    halves, numbers = np.einsum("ij,ij->i", centers, centers) / 2, np.arange(len(centers))

    def look(rows: slice) -> np.ndarray:
        gaps = x[rows] @ centers.T
        # Half the squared distance, less what is the same for all centers.
        np.subtract(halves, gaps, out=gaps)
        if count == 1:
            return gaps.argmin(1)[:, None]
        first, gaps = _first(np.broadcast_to(numbers, gaps.shape), gaps, count)
        return np.take_along_axis(first, gaps.argsort(1, kind="stable"), 1)

    with ThreadPoolExecutor(blas_threads()) as pool, threadpool_limits(1):
        return np.concatenate(list(pool.map(look, gen_batches(len(x), CELLS_SOUGHT))))


def _first(
    indices: np.ndarray, distances: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of both (M, K) those with the smallest distances or squares (M, n_neighbors), in any order."""
    first = np.argpartition(distances, n_neighbors - 1, axis=1)[:, :n_neighbors]
    return np.take_along_axis(indices, first, 1), np.take_along_axis(distances, first, 1)


def compare_all_pairs(
    points: np.ndarray, queries: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices int64 and distances float, (M, n_neighbors) both, of the points (N, D) that are nearest
    to each of the queries (M, D), nearest first; all pairs are compared.
    """
    brute = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(points)
    distances, indices = brute.kneighbors(queries)
    return indices, distances


def _projection(points: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """What makes float32 (M, D) of points (M, D) in which to search: themselves, or principal
    components, if there are fewer of them than dimensions.
    """
    if points.shape[1] <= COMPONENTS:
        return lambda x: x
    drawn = np.random.default_rng(0).permutation(len(points))[:PCA_POINTS]
    pca = PCA(min(COMPONENTS, len(drawn)), svd_solver="covariance_eigh")
    project = threadpool_limits.wrap(limits=1)(lambda x: pca.transform(x).astype(np.float32))
    with threadpool_limits(1):  # several threads add up in any order
        pca.fit(points[np.sort(drawn)])
    return project


def _less(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """float32 (M, D), ``x`` less the mean, computed in as many digits as ``x`` has."""
    differences = np.subtract(x, mean, dtype=np.result_type(x, np.float32))
    return np.ascontiguousarray(differences, np.float32)


def _nearest_of(
    points: np.ndarray, queries: np.ndarray, candidates: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`approximate_neighbors`, among some candidates int64 (M, K) for each query."""
    lengths = _lengths(points, queries, candidates)
    first = np.argsort(lengths, axis=1, kind="stable")[:, :n_neighbors]
    return np.take_along_axis(candidates, first, 1), np.take_along_axis(lengths, first, 1)


def _lengths(points: np.ndarray, queries: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Distances float32 (M, K) of each query and the points of these indices (M, K). Unlike those of a
    search they are no differences of large products.
    """
    lengths = np.empty(indices.shape, np.float32)
    at_once = max(1, GATHERED // (indices.shape[1] * points.shape[1]))
    for rows in gen_batches(len(queries), at_once):
        between = points[indices[rows]] - queries[rows, None]
        lengths[rows] = np.sqrt(np.einsum("mkd,mkd->mk", between, between))
    return lengths
