"""Normalized spectral clustering (Shi and Malik 2000; von Luxburg 2007) on a sparse kNN graph.

The eigenvectors come from the implicitly restarted Lanczos method (ARPACK; Lehoucq et al. 1998)
on the graph itself, whose cost grows with the number of edges, where the shift-invert of
scikit-learn factorizes a matrix that fills in. Where the eigenvalues lie too close for that, the
graph is nearly a line or a surface, and it is the factorization that is cheap.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.checks import check_counts
from fashion_mocluster.clustering.neighbors import distinct_points, neighbor_graph

# To the last digit: only rounding brings up the further vectors of a repeated eigenvalue, which a
# symmetric graph such as a ring has, and a Lanczos method that stops earlier misses them.
TOLERANCE = 0
# Lanczos vectors kept at least, and restarts before the factorization is tried instead; graphs of
# 70,000 images need fewer than 50.
LANCZOS_VECTORS = 40
MAX_RESTARTS = 100
# Just beyond the largest eigenvalue, so that the shifted matrix can be inverted.
SHIFT = 1 + 1e-7
# Graphs up to this size are solved whole.
MAX_DENSE_SIZE = 200


class SpectralClusterer(ClusterMixin, BaseEstimator):
    """Clusters by k-means on the leading eigenvectors of a nearest-neighbor graph.

    The method of scikit-learn's ``SpectralClustering(affinity="nearest_neighbors")``, to whose
    labels these agree up to rounding, except that copies of a point are one vertex of the graph, so
    that they share a cluster. The result is the same for any number of threads.

    Args:
        n_clusters: Number of clusters.
        n_neighbors: Of the graph, each point itself included; all points if there are fewer.
        n_init: Starts of k-means.
        affinity: ``nearest_neighbors`` takes points; ``precomputed_nearest_neighbors`` takes a
            sparse (N, N) of distances to at least ``n_neighbors`` points each, such as
            ``sklearn.neighbors.kneighbors_graph(..., mode="distance", include_self=True)`` makes.
        random_state: Seed or RandomState for the start vector of Lanczos and for k-means.

    Attributes:
        labels_: int64 (N,) in 0..n_clusters-1; fewer where fewer points differ.
        embedding_: float64 (N, n_clusters), what k-means saw.
    """

    def __init__(
        self,
        n_clusters=8,
        *,
        n_neighbors=10,
        n_init=10,
        affinity="nearest_neighbors",
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_init = n_init
        self.affinity = affinity
        self.random_state = random_state

    def fit(self, X, y=None):  # noqa: N803 scikit-learn's name
        """Cluster points (N, D), or a graph of distances (N, N) if ``affinity`` says so.

        Raises:
            ValueError: Fewer points than clusters, NaN or infinite values, or an invalid parameter.
        """
        check_counts(self, n_clusters=1, n_neighbors=2, n_init=1)
        affinities = "nearest_neighbors", "precomputed_nearest_neighbors"
        if self.affinity not in affinities:
            raise ValueError(f"affinity must be one of {affinities}, got {self.affinity!r}")
        precomputed = self.affinity == affinities[1]
        X = validate_data(  # noqa: N806
            self,
            X,
            accept_sparse="csr" if precomputed else False,
            dtype=[np.float64, np.float32],
        )
        if self.n_clusters > X.shape[0]:
            raise ValueError(
                f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}; lower it"
            )
        if precomputed:
            search = NearestNeighbors(n_neighbors=self.n_neighbors, metric="precomputed").fit(X)
            graph = csr_array(search.kneighbors_graph(X, mode="connectivity"))
            graph.setdiag(0)
            vertex = np.arange(X.shape[0])
        else:
            points, vertex = distinct_points(X)
            graph = neighbor_graph(points, self.n_neighbors - 1)
        random_state = check_random_state(self.random_state)
        # Products and sums of several threads would be rounded in another order than those of one.
        with threadpool_limits(1):
            vectors = spectral_embedding(0.5 * (graph + graph.T), self.n_clusters, random_state)
            self.embedding_ = vectors[vertex]
            k_means = KMeans(self.n_clusters, n_init=self.n_init, random_state=random_state)
            self.labels_ = k_means.fit_predict(self.embedding_).astype(np.int64)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = self.affinity == "precomputed_nearest_neighbors"
        tags.input_tags.pairwise = precomputed
        tags.input_tags.positive_only = precomputed
        tags.input_tags.sparse = precomputed
        return tags


def spectral_embedding(
    affinity: csr_array, dimensions: int, random_state: np.random.RandomState
) -> np.ndarray:
    """The leading eigenvectors of D^-1/2 W D^-1/2, divided by sqrt(degree).

    Each connected component of the graph has the eigenvalue 1, with the vector that is constant
    on it; a Lanczos method misses such repeated values, so components are solved one by one. Where
    they are more than the dimensions, the largest ones are told apart and the rest lies at 0.

    Args:
        affinity: Symmetric, non-negative (N, N).
        dimensions: How many, the constant ones included.
        random_state: For the start vector of Lanczos.

    Returns:
        float64 (N, dimensions); columns of unit length before the division, the entry of largest
        size positive.
    """
    degree = affinity.sum(axis=1)
    root_degree = np.sqrt(np.where(degree > 0, degree, 1))
    scale = diags_array(1 / root_degree)
    operator = csr_array(scale @ affinity @ scale)
    _, component = connected_components(operator, directed=False)
    largest_first = np.argsort(-np.bincount(component), kind="stable")
    members = [np.flatnonzero(component == number) for number in largest_first[:dimensions]]
    vectors = np.zeros((affinity.shape[0], dimensions))
    for column, rows in enumerate(members):
        vectors[rows, column] = root_degree[rows] / np.linalg.norm(root_degree[rows])
    missing = dimensions - len(members)
    if missing > 0:
        # The constant vector comes first in each component, and is there already.
        pairs = [
            (value, rows, vector)
            for rows in members
            for value, vector in _leading_eigenpairs(
                operator[rows][:, rows], min(missing + 1, len(rows)), random_state
            )[1:]
        ]
        pairs.sort(key=lambda pair: -pair[0])
        for column, (_, rows, vector) in enumerate(pairs[:missing], len(members)):
            vectors[rows, column] = vector * np.sign(vector[np.abs(vector).argmax()])
    return vectors / root_degree[:, None]


def _leading_eigenpairs(
    operator: csr_array, count: int, random_state: np.random.RandomState
) -> list[tuple[float, np.ndarray]]:
    """Largest eigenvalues and their vectors of a connected graph, largest first."""
    size = operator.shape[0]
    if size <= max(MAX_DENSE_SIZE, 5 * count):
        values, vectors = np.linalg.eigh(operator.toarray())
    else:
        start = random_state.uniform(-1, 1, size)
        try:
            values, vectors = eigsh(
                operator,
                count,
                which="LA",
                v0=start,
                ncv=max(LANCZOS_VECTORS, 2 * count + 1),
                tol=TOLERANCE,
                maxiter=MAX_RESTARTS,
            )
        except ArpackNoConvergence:
            values, vectors = eigsh(operator, count, sigma=SHIFT, which="LM", v0=start)
    order = np.argsort(-values)[:count]
    return [(values[i], vectors[:, i]) for i in order]
