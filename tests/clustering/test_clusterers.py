import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import clusterers
from fashion_mocluster.clustering.blas import blas_threads
from fashion_mocluster.clustering.clusterers import cluster, medoid, scale
from fashion_mocluster.clustering.parameters import (
    GaussianMixtureParameters,
    HdbscanParameters,
    KMeansParameters,
    SpectralParameters,
    TurtleParameters,
    WardParameters,
)
from fashion_mocluster.clustering.turtle import Turtle
from fashion_mocluster.errors import InputError
from tests.conftest import uses_umap

KINDS = [
    KMeansParameters,
    SpectralParameters,
    GaussianMixtureParameters,
    WardParameters,
    TurtleParameters,
]
UMAP = {"n_neighbors": 10, "n_components": 2, "n_epochs": 100}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("umap", [None, pytest.param(UMAP, marks=uses_umap)])
def test_every_clusterer_finds_separated_groups_again_and_again(blobs, kind, umap):
    x, truth = blobs
    parameters = kind(umap=umap)
    labels = cluster(x, parameters, 3, seed=0)
    assert labels.dtype == np.int64
    # TURTLE and the cosine metric of UMAP tell directions, not positions.
    least = 0.3 if umap else 0.7 if kind is TurtleParameters else 0.9
    assert adjusted_rand_score(labels, truth) > least
    np.testing.assert_array_equal(labels, cluster(x, parameters, 3, seed=0))


def test_scaled_points_are_those_of_scikit_learn_in_the_memory_of_one_copy():
    x = np.random.default_rng(0).random((5000, 500), np.float32) * 9 + 50
    x[:, 0] = 7
    expected = StandardScaler().fit_transform(x)
    tracemalloc.start()
    scaled = scale(x, KMeansParameters(standardize=True))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=1e-5)
    assert most < 1.5 * x.nbytes
    assert scale(x, KMeansParameters()) is x


def test_k_means_is_that_of_scikit_learn_but_draws_its_centers_with_one_thread(monkeypatch):
    """Where two threads share a core, the small products of this take forty times as long by two. The
    rest, which limits itself, would with a BLAS of OpenMP be left with one thread by any other limit.
    """
    threads, draw = [], clusterers.kmeans_plusplus

    class Watched(clusterers.KMeans):
        def fit(self, *args, **kwargs):
            threads.append(blas_threads())
            return super().fit(*args, **kwargs)

    def watched(*args, **kwargs):
        threads.append(blas_threads())
        return draw(*args, **kwargs)

    x = np.random.default_rng(0).random((500, 4), np.float32)
    expected = KMeans(3, n_init=2, random_state=0).fit_predict(x)
    monkeypatch.setattr(clusterers, "KMeans", Watched)
    monkeypatch.setattr(clusterers, "kmeans_plusplus", watched)
    with threadpool_limits(2, user_api="blas"):
        labels = cluster(x, KMeansParameters(n_init=2), 3, seed=0)
        assert blas_threads() == 2
    assert threads == [2, 1, 1]
    np.testing.assert_array_equal(labels, expected)


def test_centers_of_a_sample_of_very_many_points_take_few_iterations(monkeypatch):
    iterations = []

    class Watched(clusterers.KMeans):
        def fit(self, *args, **kwargs):
            super().fit(*args, **kwargs)
            iterations.append(self.n_iter_)
            return self

    monkeypatch.setattr(clusterers, "KMeans", Watched)
    monkeypatch.setattr(clusterers, "ALL_PAIRS", 1000)
    monkeypatch.setattr(clusterers, "pairs_take_long", lambda *_: True)
    monkeypatch.setattr(clusterers, "KMEANS_SAMPLE", 600)
    monkeypatch.setattr(clusterers, "KMEANS_SAMPLE_ITERATIONS", 2)
    x = np.random.default_rng(0).random((3000, 8), np.float32)
    labels = cluster(x, KMeansParameters(n_init=1), 2, seed=0)
    assert iterations == [2]
    # Each point is with the nearest of two centers, though these were found in a sample.
    centers = np.array([x[labels == label].mean(0) for label in (0, 1)])
    nearest = np.square(x[:, None] - centers).sum(2).argmin(1)
    assert (nearest == labels).mean() > 0.9


def test_the_medoid_agrees_most_with_the_others():
    a, b, far = [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 1], [0, 1, 2, 0, 1, 2]
    clusterings = [np.array(labels) for labels in (far, b, a)]
    # By hand: a and b agree with each other, and b a little more with the third.
    means = [np.mean([adjusted_rand_score(x, y) for y in clusterings]) for x in clusterings]
    assert medoid(clusterings) is clusterings[int(np.argmax(means))]
    assert medoid(clusterings) is not clusterings[0]
    assert medoid([clusterings[0]]) is clusterings[0]


@pytest.mark.parametrize("pick", [0, 1, 2])
def test_of_several_runs_of_umap_the_most_typical_is_taken(pick, monkeypatch):
    """Runs are made from three seeds, the first of them the method's own."""
    right, wrong = np.repeat([0.0, 9.0], 10), np.tile([0.0, 9.0], 10)
    seeds = []

    def layout(x, parameters, seed):
        seeds.append(seed)
        odd = len(seeds) - 1 == pick
        return (wrong if odd else right)[:, None] + 0.01 * np.arange(20)[:, None]

    monkeypatch.setattr(clusterers, "umap_embedding", layout)
    labels = cluster(np.zeros((20, 3)), WardParameters(umap={"n_runs": 3}), 2, seed=5)
    assert adjusted_rand_score(labels, right) == 1
    assert seeds[0] == 5
    assert len(set(seeds)) == 3


def test_density_finds_how_many_groups_there_are_and_leaves_odd_points_unsorted(blobs):
    x, truth = blobs
    odd = np.array([[40.0, 40, 40, 40, 40], [-40, 40, -40, 40, -40]])
    for asked_for in (2, 50, 500):
        labels = cluster(np.r_[x, odd], HdbscanParameters(min_cluster_size=15), asked_for, seed=0)
        assert labels.dtype == np.int64
        assert labels[-2:].tolist() == [-1, -1]
        assert set(labels) == {-1, 0, 1, 2}
        assert adjusted_rand_score(truth[labels[:-2] >= 0], labels[:-2][labels[:-2] >= 0]) == 1


def test_density_divides_a_cluster_of_most_points_into_its_denser_parts():
    starts = np.array([0, 60.6, 121.2, 1000])  # three rows of points with small gaps, one far away
    x = (starts[:, None] + np.arange(60)).reshape(-1, 1)
    whole = cluster(x, HdbscanParameters(min_samples=2, max_cluster_share=1), 2, seed=0)
    assert sorted(np.bincount(whole)) == [60, 180]
    divided = cluster(x, HdbscanParameters(min_samples=2), 2, seed=0)
    assert adjusted_rand_score(np.repeat(range(4), 60), divided) == 1


def test_density_keeps_a_cluster_of_most_points_that_has_no_denser_parts():
    x = np.r_[np.arange(100), 1000 + np.arange(10)][:, None].astype(float)
    labels = cluster(x, HdbscanParameters(), 2, seed=0)
    assert sorted(np.bincount(labels)) == [10, 100]


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_few_points_are_no_dense_region(count):
    assert set(cluster(np.eye(count, 8), HdbscanParameters(), 2, seed=0)) == {-1}


@pytest.mark.filterwarnings("error")
def test_ward_counts_copies_of_a_point_as_one(blobs):
    x, truth = blobs
    x = np.r_[x, x[:1].repeat(50, axis=0)] - 0.5  # unequal sizes, and copies
    truth = np.r_[truth, truth[:1].repeat(50)]
    assert adjusted_rand_score(cluster(x, WardParameters(), 3, 0), truth) == 1


def test_turtle_begins_at_the_clusters_of_the_pixels_where_asked_to(blobs):
    x, truth = blobs
    parameters = TurtleParameters(n_init=4, n_hops=1, init="pixel_clusters")
    expected = Turtle(3, n_init=4, n_hops=1, random_state=0).fit_predict(x, init_labels=truth)
    np.testing.assert_array_equal(cluster(x, parameters, 3, 0, truth), expected)
    for wrong in ((parameters, 3, 0), (KMeansParameters(), 3, 0, truth)):
        with pytest.raises(InputError, match="init_labels belong to an init other than random"):
            cluster(x, *wrong)


def test_standardizing_is_part_of_the_space_that_is_scored():
    x = np.random.default_rng(0).normal(3, [1, 100], (50, 2))
    np.testing.assert_allclose(scale(x, KMeansParameters(standardize=True)).std(0), 1)
    assert scale(x, KMeansParameters()) is x


def test_bad_input_is_refused_clearly():
    with pytest.raises(InputError, match="n_clusters is 5, too many for 4 images"):
        cluster(np.eye(4), KMeansParameters(), 5, 0)
    with pytest.raises(InputError, match="NaN"):
        cluster(np.full((9, 2), np.nan), KMeansParameters(), 2, 0)


def directions(count, seed=0):
    """Points (count, 8) that differ in direction."""
    return np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)


FEW_DISTINCT = {
    "5 distinct points, 12 copies each, 12 clusters": (np.repeat(directions(5), 12, axis=0), 12),
    "150 of 200 points equal": (np.r_[np.tile(directions(1), (150, 1)), directions(50, 1)], 10),
    "hardly more points than clusters": (directions(12), 10),
    "12 points, 3 clusters": (directions(12), 3),
    "all points equal": (np.ones((30, 8), np.float32), 3),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("umap", [None, pytest.param({"n_epochs": 20}, marks=uses_umap)])
@pytest.mark.parametrize("case", FEW_DISTINCT)
def test_few_distinct_points_are_clustered_and_equal_ones_share_a_cluster(kind, umap, case):
    x, n_clusters = FEW_DISTINCT[case]
    starts = {"n_init": 2} if "n_init" in kind.model_fields else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = cluster(x, kind(umap=umap, **starts), n_clusters, seed=0)
    assert labels.shape == (len(x),)
    assert set(labels) <= set(range(n_clusters))
    _, copies = np.unique(x, axis=0, return_inverse=True)
    for point in range(copies.max() + 1):
        assert len(set(labels[copies.ravel() == point])) == 1


def test_spectral_clustering_finds_as_many_clusters_as_there_are_distinct_points():
    x, n_clusters = FEW_DISTINCT["5 distinct points, 12 copies each, 12 clusters"]
    labels = cluster(x, SpectralParameters(), n_clusters, seed=0)
    assert adjusted_rand_score(labels, np.repeat(np.arange(5), 12)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_more_islands_than_clusters_break_none(kind):
    islands = np.repeat(np.eye(10), 20, axis=0)
    x = islands + np.random.default_rng(0).normal(0, 0.01, islands.shape)
    labels = cluster(x, kind(), 3, seed=0)
    assert all(len(set(labels[i : i + 20])) == 1 for i in range(0, 200, 20)) or (
        kind is TurtleParameters  # whose clusters are of equal size
    )
    assert len(set(labels)) == 3


@pytest.mark.parametrize("size", [1e-6, 1, 1e6])
def test_a_mixture_fits_many_equal_points_of_any_size(size):
    """In single precision, or at such sizes, scikit-learn stops at an ill-defined covariance."""
    x = np.r_[np.tile(directions(1), (200, 1)), directions(100, 1)] * np.float32(size)
    labels = cluster(x, GaussianMixtureParameters(), 10, seed=0)
    assert len(set(labels[:200])) == 1
    assert len(set(labels)) > 1
