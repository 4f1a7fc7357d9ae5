"""Normalised spectral clustering (Shi and Malik 2000; von Luxburg 2007) on a sparse kNN graph.

The eigenvectors come from LOBPCG (Knyazev 2001), whose cost grows with the number of edges, where
the shift-invert of scikit-learn factorises the whole graph. A block method also finds the
repeated eigenvalues of a disconnected graph.
"""

import numpy as np
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import lobpcg
from sklearn.cluster import KMeans

from fashion_mocluster.clustering.neighbours import neighbour_graph

TOLERANCE = 1e-4
MAX_ITERATIONS = 500
# LOBPCG converges by the gap to the first eigenvalue left out, so a few more are computed.
EXTRA_VECTORS = 5


def spectral_clustering(
    x: np.ndarray, n_clusters: int, n_neighbors: int, n_init: int, seed: int
) -> np.ndarray:
    """Labels int64 (N,) of points (N, D), from k-means on the spectral embedding.

    Raises:
        ValueError: More clusters than points.
    """
    if n_clusters > len(x):
        raise ValueError(f"cannot make {n_clusters} clusters of {len(x)} points")
    if n_clusters == 1:
        return np.zeros(len(x), np.int64)
    vectors = spectral_embedding(neighbour_graph(x, n_neighbors), n_clusters, seed)
    return (
        KMeans(n_clusters, n_init=n_init, random_state=seed).fit_predict(vectors).astype(np.int64)
    )


def spectral_embedding(affinity: csr_array, dimensions: int, seed: int) -> np.ndarray:
    """The leading eigenvectors of D^-1/2 W D^-1/2, divided by sqrt(degree).

    Args:
        affinity: Symmetric, non-negative (N, N), no empty rows.
        dimensions: How many, the constant one included.

    Returns:
        float64 (N, dimensions); columns of unit length before the division.
    """
    count = affinity.shape[0]
    root_degree = np.sqrt(np.asarray(affinity.sum(axis=1)).ravel())
    scale = diags_array(1 / root_degree)
    operator = (scale @ affinity @ scale).tocsr()
    block = dimensions + EXTRA_VECTORS
    # LOBPCG needs room for three blocks; small problems are solved whole.
    if count < 5 * block:
        _, vectors = np.linalg.eigh(operator.toarray())
        vectors = vectors[:, ::-1]
    else:
        start = np.random.default_rng(seed).standard_normal((count, block))
        start[:, 0] = root_degree  # the exact first eigenvector
        # Shifted by the identity all eigenvalues lie in [0, 2], which LOBPCG likes better.
        shifted = (operator + diags_array(np.ones(count))).tocsr()
        values, vectors = lobpcg(
            shifted, start, largest=True, tol=TOLERANCE, maxiter=MAX_ITERATIONS
        )
        vectors = vectors[:, np.argsort(values)[::-1]]
    return vectors[:, :dimensions] / root_degree[:, None]
