"""One function for all clustering methods: embeddings and parameters in, labels out."""

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler
from sklearn.utils import assert_all_finite, gen_batches
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.neighbors import ALL_PAIRS, distinct_points, pairs_take_long
from fashion_mocluster.clustering.parameters import (
    ClustererParameters,
    GaussianMixtureParameters,
    HdbscanParameters,
    KMeansParameters,
    SpectralParameters,
    TurtleParameters,
    WardParameters,
)
from fashion_mocluster.clustering.samples import FEW, sample
from fashion_mocluster.clustering.spectral import SpectralClusterer
from fashion_mocluster.clustering.turtle import Turtle, center_and_scale
from fashion_mocluster.clustering.umap_embedding import umap_embedding
from fashion_mocluster.errors import InputError
from fashion_mocluster.wording import counted

# Points by which k-means finds its centers where there are more than ALL_PAIRS: so many for each cluster,
# and at least so many.
KMEANS_POINTS_OF_CLUSTER, KMEANS_SAMPLE = 256, 5_000
# Iterations on such a sample: twice as many lower the sum of squares of 100 clusters by another 0.2 %.
KMEANS_SAMPLE_ITERATIONS = 25
# Those among which it finds where to begin.
KMEANS_INIT_POINTS_OF_CLUSTER = 20
# From so many dimensions on, as pixels have, Elkan's bounds on distances (2003) spare k-means a fifth of
# the time; with 128 they cost more than they spare.
ELKAN_DIMENSIONS = 512
# Points that are standardized at once.
SCALED = 1024


def scale(x: np.ndarray, parameters: ClustererParameters) -> np.ndarray:
    """Points (N, D) in the space in which a method's clusters are scored: every dimension with mean
    0 and variance 1 if ``parameters.standardize``, else unchanged.
    """
    return fit_scaler(x).transform(x) if parameters.standardize else x


def fit_scaler(x: np.ndarray) -> StandardScaler:
    """The means and variances of points (N, D), in blocks: from all at once their copies would take
    more memory than the points.
    """
    scaler = StandardScaler()
    for rows in gen_batches(len(x), SCALED):
        scaler.partial_fit(x[rows])
    return scaler


def cluster(
    x: np.ndarray,
    parameters: ClustererParameters,
    n_clusters: int,
    seed: int,
    init_labels: np.ndarray | None = None,
) -> np.ndarray:
    """Labels int64 (N,) in 0..n_clusters-1 of points (N, D) from :func:`scale`.

    Some clusters may be empty, above all where fewer than ``n_clusters`` points differ. A clusterer
    that finds their number itself does not look at ``n_clusters``; -1 is what it leaves unsorted.

    Args:
        init_labels: int (N,), clusters found in another way, for any ``init`` but ``random``.

    Raises:
        InputError: More clusters than points, NaN or infinite values among the points, or
            ``init_labels`` with ``init: random`` or another ``init`` without them.
    """
    if n_clusters > len(x) and not parameters.finds_n_clusters:
        raise InputError(
            f"n_clusters is {n_clusters}, too many for {counted(len(x), 'image')}; lower it"
        )
    try:
        assert_all_finite(x)
    except ValueError:
        message = "the embeddings hold NaN or infinite values; the encoder has diverged"
        raise InputError(message) from None
    if (getattr(parameters, "init", "random") != "random") != (init_labels is not None):
        raise InputError("init_labels belong to an init other than random; pass both or neither")
    if parameters.umap is None:
        return _cluster(x, parameters, n_clusters, seed, init_labels)
    more = np.random.SeedSequence(seed).generate_state(parameters.umap.n_runs - 1)
    runs = []
    for one in (seed, *map(int, more)):
        coordinates = umap_embedding(x, parameters.umap, one)
        runs.append(_cluster(coordinates, parameters, n_clusters, one, init_labels))
    return medoid(runs)


def medoid(clusterings: Sequence[np.ndarray]) -> np.ndarray:
    """Of several labels, int (N,) each, those with the highest mean adjusted Rand index to the others."""
    agreement = [sum(adjusted_rand_score(a, b) for b in clusterings) for a in clusterings]
    return clusterings[int(np.argmax(agreement))]


def _cluster(
    x: np.ndarray,
    parameters: ClustererParameters,
    n_clusters: int,
    seed: int,
    init_labels: np.ndarray | None,
) -> np.ndarray:
    """Labels int64 (N,) of points as they are to be clustered."""
    settings = {"n_init": getattr(parameters, "n_init", None), "random_state": seed}
    with warnings.catch_warnings():
        # k-means says that it found fewer clusters than asked for, which the caller can see.
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        match parameters:
            case KMeansParameters():
                way = "elkan" if x.shape[1] >= ELKAN_DIMENSIONS else "lloyd"
                labels = _kmeans(x, KMeans(n_clusters, init=_spread, algorithm=way, **settings))
            case SpectralParameters(n_neighbors=k):
                labels = SpectralClusterer(n_clusters, n_neighbors=k, **settings).fit_predict(x)
            case GaussianMixtureParameters():
                # The mixture adds 1e-6 to each variance, which keeps the covariance of equal points
                # positive definite only in this precision and scale.
                x = center_and_scale(x.astype(np.float64))
                labels = GaussianMixture(n_clusters, **settings).fit_predict(x)
            case WardParameters():
                labels = _ward(x, n_clusters)
            case HdbscanParameters():
                labels = _dense_regions(x, parameters)
            case TurtleParameters(n_neighbors=k, n_hops=hops):
                turtle = Turtle(n_clusters, n_neighbors=k, n_hops=hops, **settings)
                labels = turtle.fit_predict(x, init_labels=init_labels)
    return labels.astype(np.int64)


def _kmeans(x: np.ndarray, kmeans: KMeans) -> np.ndarray:
    """Labels int32 (N,). Of very many points the centers are found in a random sample; so is, of many
    with many dimensions, the best start, from which all points are then clustered.
    """
    count, n_dimensions = x.shape
    very_many = count > ALL_PAIRS
    least = KMEANS_POINTS_OF_CLUSTER * kmeans.n_clusters
    size = max(KMEANS_SAMPLE if very_many else FEW, least)
    if count <= size or not pairs_take_long(count, ALL_PAIRS, n_dimensions):
        return kmeans.fit_predict(x)
    what_for = "k-means" if very_many else "where k-means starts"
    rows = sample(np.arange(count), size, kmeans.random_state, what_for)
    kmeans.set_params(init=_spread_among_few)
    if very_many:
        return kmeans.set_params(max_iter=KMEANS_SAMPLE_ITERATIONS).fit(x[rows]).predict(x)
    kmeans.fit(x[rows])
    return kmeans.set_params(init=kmeans.cluster_centers_, n_init=1).fit_predict(x)


# The products by which centers are drawn are so small that two threads gain nothing; where these have to
# share a core, they took forty times as long as one. The rest of k-means limits itself, and must not be
# limited here: with a BLAS that computes by OpenMP it would then be left with one thread of that.
@threadpool_limits.wrap(limits=1, user_api="blas")
def _spread(x: np.ndarray, n_clusters: int, random_state: np.random.RandomState) -> np.ndarray:
    """Centers (n_clusters, D) by k-means++ (Arthur and Vassilvitskii 2007) on points (N, D)."""
    return kmeans_plusplus(x, n_clusters, random_state=random_state)[0]


def _spread_among_few(
    x: np.ndarray, n_clusters: int, random_state: np.random.RandomState
) -> np.ndarray:
    """The same on some of the points: on all of them it takes several times as long as what follows."""
    count = min(len(x), KMEANS_INIT_POINTS_OF_CLUSTER * n_clusters)
    few = x[random_state.choice(len(x), count, replace=False)]
    # In float64 at once, for float32 is converted to that for every center anew.
    return _spread(few.astype(np.float64), n_clusters, random_state)


def _dense_regions(x: np.ndarray, parameters: HdbscanParameters) -> np.ndarray:
    """Labels int64 (N,) of HDBSCAN; -1 for points in no dense region."""
    if len(x) < 3:
        return np.full(len(x), -1)
    least = parameters.min_cluster_size or max(5, len(x) // 50)
    samples = min(parameters.min_samples, len(x))
    most = int(parameters.max_cluster_share * len(x))
    hdbscan = HDBSCAN(min_cluster_size=least, min_samples=samples, copy=True)
    labels = hdbscan.fit_predict(x)
    if np.bincount(labels + 1)[1:].max(initial=0) <= most:
        return labels
    divided = hdbscan.set_params(max_cluster_size=most).fit_predict(x)
    # A region without denser parts is not divided but left out.
    return divided if divided.max() > labels.max() else labels


def _ward(x: np.ndarray, n_clusters: int) -> np.ndarray:
    """Labels int (N,) by Ward's linkage, in which copies of a point count as one. It compares all pairs,
    which takes 8 N^2 bytes.
    """
    x, copy_of = distinct_points(x)
    if len(x) <= n_clusters:
        return copy_of
    return AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(x)[copy_of]
