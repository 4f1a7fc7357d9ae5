import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import neighbors, spectral
from fashion_mocluster.clustering.neighbors import neighbor_graph
from fashion_mocluster.clustering.spectral import SpectralClusterer, spectral_embedding


@parametrize_with_checks([SpectralClusterer(n_init=1)])
def test_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def overlapping_groups(count=800, dimensions=8, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, count)
    spread = 3 * rng.normal(size=(5, dimensions))
    return rng.normal(size=(count, dimensions)) + spread[truth]


def dense_laplacian_eigenpairs(affinity):
    """All eigenvalues of the normalized Laplacian, smallest first, and vectors, by LAPACK."""
    affinity = affinity.toarray()
    degree = affinity.sum(1)
    laplacian = np.eye(len(affinity)) - affinity / np.sqrt(np.outer(degree, degree))
    return scipy.linalg.eigh(laplacian)


def symmetric_graph(x, n_neighbors):
    graph = neighbor_graph(x, n_neighbors)
    return 0.5 * (graph + graph.T)


def embed(affinity, dimensions):
    """The embedding with unit columns, as the dense solver has them."""
    vectors = spectral_embedding(affinity, dimensions, np.random.RandomState(0))
    return vectors * np.sqrt(affinity.sum(axis=1))[:, None]


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_those_of_scikit_learn(seed):
    x = overlapping_groups(seed=seed)
    ours = SpectralClusterer(5, random_state=seed).fit_predict(x)
    theirs = SpectralClustering(
        5, affinity="nearest_neighbors", n_neighbors=10, n_init=10, random_state=seed
    ).fit_predict(x)
    assert adjusted_rand_score(ours, theirs) > 0.995


@pytest.mark.parametrize(("make", "options"), [(make_moons, {}), (make_circles, {"factor": 0.4})])
def test_finds_shapes_that_are_not_round(make, options):
    x, truth = make(400, noise=0.03, random_state=0, **options)
    labels = SpectralClusterer(2, n_neighbors=8, random_state=0).fit_predict(x)
    assert adjusted_rand_score(labels, truth) == 1


@pytest.mark.parametrize("count", [150, 900])  # solved whole, and by Lanczos
def test_eigenvectors_are_those_of_the_dense_laplacian(count):
    affinity = symmetric_graph(np.random.default_rng(0).normal(size=(count, 3)), 9)
    vectors = embed(affinity, 6)
    _, expected = dense_laplacian_eigenpairs(affinity)
    overlap = np.abs(vectors.T @ expected[:, :6])
    np.testing.assert_allclose(overlap, np.eye(6), atol=1e-6)
    assert (vectors.max(0) == np.abs(vectors).max(0)).all()


ANGLES = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
ONE, OTHER = (a.ravel() for a in np.meshgrid(ANGLES[::25], ANGLES[::25]))


@pytest.mark.parametrize(
    "x",
    [
        np.c_[np.cos(ANGLES), np.sin(ANGLES)],
        np.c_[np.cos(ONE), np.sin(ONE), np.cos(OTHER), np.sin(OTHER)],
        np.arange(1500.0)[:, None],
    ],
    ids=["ring", "torus", "line"],
)
@pytest.mark.slow
def test_repeated_and_close_eigenvalues_are_all_found(x):
    affinity = symmetric_graph(x, 8)
    vectors = embed(affinity, 5)
    values, _ = dense_laplacian_eigenpairs(affinity)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-6)
    scaled = vectors / np.sqrt(affinity.sum(axis=1))[:, None]
    laplacian = -affinity.toarray()
    np.fill_diagonal(laplacian, affinity.sum(axis=1))
    rayleigh = np.einsum("ij,ij->j", scaled, laplacian @ scaled)
    np.testing.assert_allclose(rayleigh, values[:5], rtol=1e-4, atol=1e-9)


def test_where_lanczos_does_not_converge_the_graph_is_factorized(monkeypatch):
    affinity = symmetric_graph(np.arange(600.0)[:, None], 4)
    _, expected = dense_laplacian_eigenpairs(affinity)
    monkeypatch.setattr(spectral, "MAX_RESTARTS", 1)
    overlap = np.abs(embed(affinity, 4).T @ expected[:, :4])
    np.testing.assert_allclose(overlap, np.eye(4), atol=1e-4)


def test_disconnected_groups_are_the_clusters(blobs):
    """Far apart, the groups share no edge: the first eigenvalue repeats three times."""
    x, truth = blobs
    labels = SpectralClusterer(3, n_neighbors=5, random_state=0).fit_predict(x * 100)
    assert adjusted_rand_score(labels, truth) == 1


def separate_parts(sizes, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(size=(len(truth), 3)) + 1000 * rng.normal(size=(len(sizes), 3))[truth], truth


def test_as_many_parts_as_clusters():
    x, truth = separate_parts([50] * 12)
    labels = SpectralClusterer(12, n_neighbors=6, random_state=0).fit_predict(x)
    assert adjusted_rand_score(labels, truth) == 1


def test_more_parts_than_clusters_tells_the_largest_apart_and_breaks_none():
    x, truth = separate_parts([12, 300, 12, 200, 12])
    labels = SpectralClusterer(2, n_neighbors=6, random_state=0).fit_predict(x)
    assert all(len(set(labels[truth == part])) == 1 for part in range(5))
    assert labels[truth == 1][0] != labels[truth == 3][0]


def test_fewer_parts_than_clusters_spans_what_the_dense_solver_finds():
    x, _ = separate_parts([300, 250, 40])
    affinity = symmetric_graph(x, 5)
    vectors = embed(affinity, 6)
    values, expected = dense_laplacian_eigenpairs(affinity)
    assert (values[:3] < 1e-12).all()
    assert values[3] > 1e-4
    # Repeated eigenvalues leave the basis open: the spaces are compared.
    cosines = scipy.linalg.svdvals(vectors.T @ expected[:, :6])
    np.testing.assert_allclose(cosines, 1, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_order_scale_and_position_of_the_points_change_nothing(seed):
    x, _ = separate_parts([30, 40, 50], seed)
    order = np.random.default_rng(seed).permutation(len(x))
    labels = SpectralClusterer(3, random_state=0).fit_predict(x)
    moved = SpectralClusterer(3, random_state=1).fit_predict(7 * x[order] + 5)
    assert adjusted_rand_score(labels[order], moved) == 1


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing():
    # Vectors of up to 10,000 numbers BLAS does not share between threads.
    x = np.random.default_rng(0).normal(size=(10_500, 8)).astype(np.float32)
    fits = []
    for threads in (1, 2):
        neighbors.search.cache_clear()
        with threadpool_limits(threads):
            fits.append(SpectralClusterer(3, n_init=1, random_state=3).fit(x))
    np.testing.assert_array_equal(fits[0].embedding_, fits[1].embedding_)
    np.testing.assert_array_equal(fits[0].labels_, fits[1].labels_)


def test_the_seed_decides():
    x = np.random.default_rng(0).normal(size=(300, 3))
    a, b, c = (SpectralClusterer(6, n_init=1, random_state=s).fit_predict(x) for s in (7, 7, 8))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_one_cluster_as_many_clusters_as_points_and_more():
    x = np.random.default_rng(0).normal(size=(6, 2))
    assert set(SpectralClusterer(1).fit_predict(x)) == {0}
    assert set(SpectralClusterer(1).fit_predict(x[:1])) == {0}
    assert len(set(SpectralClusterer(6, n_neighbors=3).fit_predict(x))) == 6
    with pytest.raises(ValueError, match="n_samples=6 should be >= n_clusters=7"):
        SpectralClusterer(7).fit(x)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_values_are_refused(bad):
    x = np.random.default_rng(0).normal(size=(30, 2))
    x[3, 1] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        SpectralClusterer(2).fit(x)


@pytest.mark.parametrize("parameters", [{"n_clusters": 0}, {"n_neighbors": 1}, {"n_init": 0}])
def test_impossible_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))!r} parameter"):
        SpectralClusterer(**parameters).fit(np.eye(12))


def test_constant_columns_change_nothing():
    x = overlapping_groups()
    wider = np.hstack([x, np.full((len(x), 2), 1e3)])
    a, b = (SpectralClusterer(5, random_state=0).fit_predict(points) for points in (x, wider))
    assert adjusted_rand_score(a, b) == 1


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
@pytest.mark.parametrize(
    ("n_distinct", "copies", "n_clusters"), [(30, 4, 3), (40, 15, 5), (5, 12, 12)]
)
def test_duplicates_stay_together(n_distinct, copies, n_clusters):
    """Also where a point has more copies than neighbors, and where fewer points than clusters differ."""
    points = np.random.default_rng(0).normal(size=(n_distinct, 2)) * 50
    labels = SpectralClusterer(n_clusters, n_neighbors=8, random_state=0).fit_predict(
        np.repeat(points, copies, axis=0)
    )
    labels = labels.reshape(n_distinct, copies)
    assert (labels == labels[:, :1]).all()
    assert len(set(labels[:, 0])) == min(n_distinct, n_clusters)


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_equal_points_are_one_cluster():
    assert set(SpectralClusterer(3, random_state=0).fit_predict(np.ones((50, 2)))) == {0}
