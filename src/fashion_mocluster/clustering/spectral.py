"""Normalized spectral clustering (Shi and Malik 2000; von Luxburg 2007) on a nearest-neighbor graph.

The eigenvectors come from the implicitly restarted Lanczos method (ARPACK; Lehoucq et al. 1998) on
the graph itself, whose cost grows with the number of edges. scikit-learn's shift-invert mode
factorizes a matrix that fills in, which takes minutes at 40,000 points. It is used only where the
eigenvalues lie too close for Lanczos: such a graph is nearly a line or a surface, and cheap to
factorize.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.checks import check_counts
from fashion_mocluster.clustering.neighbors import distinct_points, neighbor_graph

# To the last digit: symmetric graphs such as a ring have repeated eigenvalues, and only rounding
# brings up their further vectors, which a Lanczos method that stops earlier misses.
TOLERANCE = 0
# The least number of Lanczos vectors, and the restarts after which the factorization is tried
# instead; graphs of 70,000 images need fewer than 50.
LANCZOS_VECTORS = 40
MAX_RESTARTS = 100
# Just beyond the largest eigenvalue, so that the shifted matrix can be inverted.
SHIFT = 1 + 1e-7
# Graphs of up to so many points are solved as dense matrices.
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
        random_state: Seed or RandomState for the start vector of Lanczos and for k-means.

    Attributes:
        labels_: int64 (N,) in 0..n_clusters-1; fewer where fewer points differ.
        embedding_: float64 (N, n_clusters), what k-means saw.
    """

    def __init__(self, n_clusters=8, *, n_neighbors=10, n_init=10, random_state=None):
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_init = n_init
        self.random_state = random_state

    def fit(self, X, y=None):  # noqa: N803 scikit-learn's name
        """Cluster points (N, D).

        Raises:
            ValueError: Fewer points than clusters, NaN or infinite values, or an invalid parameter.
        """
        check_counts(self, n_clusters=1, n_neighbors=2, n_init=1)
        x = validate_data(self, X, dtype=[np.float64, np.float32])
        if self.n_clusters > len(x):
            raise ValueError(
                f"n_samples={len(x)} should be >= n_clusters={self.n_clusters}; lower it"
            )
        points, vertex = distinct_points(x)
        graph = neighbor_graph(points, self.n_neighbors - 1)
        random_state = check_random_state(self.random_state)
        # Products and sums of several threads would be rounded in another order than those of one.
        with threadpool_limits(1):
            vectors = spectral_embedding(0.5 * (graph + graph.T), self.n_clusters, random_state)
            self.embedding_ = vectors[vertex]
            k_means = KMeans(self.n_clusters, n_init=self.n_init, random_state=random_state)
            self.labels_ = k_means.fit_predict(self.embedding_).astype(np.int64)
        return self


def spectral_embedding(
    affinity: csr_array, dimensions: int, random_state: np.random.RandomState
) -> np.ndarray:
    """The leading eigenvectors of D^-1/2 W D^-1/2, divided by sqrt(degree).

    Each connected component of the graph has the eigenvalue 1, with the vector that is constant
    on it. A Lanczos method misses such repeated values, so each component is solved alone. Of more
    components than dimensions the largest get a vector each, and the others lie at 0.

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
