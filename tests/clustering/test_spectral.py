import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_circles, make_moons
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering.neighbours import neighbour_graph
from fashion_mocluster.clustering.spectral import spectral_clustering, spectral_embedding


def test_agrees_with_scikit_learn_on_overlapping_groups():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 800)
    x = rng.normal(size=(800, 8)) + 3 * rng.normal(size=(5, 8))[truth]
    ours = spectral_clustering(x, 5, n_neighbors=10, n_init=10, seed=0)
    theirs = SpectralClustering(
        5, affinity="nearest_neighbors", n_neighbors=10, n_init=10, random_state=0
    ).fit_predict(x)
    assert adjusted_rand_score(ours, theirs) > 0.98


@pytest.mark.parametrize("make", [make_moons, make_circles])
def test_finds_shapes_that_are_not_round(make):
    x, truth = make(
        400, noise=0.03, random_state=0, **({"factor": 0.4} if make is make_circles else {})
    )
    assert adjusted_rand_score(spectral_clustering(x, 2, 8, 5, 0), truth) == 1


def test_disconnected_graph(blobs):
    """Far apart, the groups share no edge: the first eigenvalue repeats three times."""
    x, truth = blobs
    assert adjusted_rand_score(spectral_clustering(x * 100, 3, 5, 5, 0), truth) == 1


def test_many_disconnected_parts_on_the_iterative_path():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(12), 50)
    x = rng.normal(size=(600, 3)) + 1000 * rng.normal(size=(12, 3))[truth]
    assert adjusted_rand_score(spectral_clustering(x, 12, 6, 10, 0), truth) > 0.99


def test_eigenvectors_solve_the_eigenproblem():
    x = np.random.default_rng(0).normal(size=(300, 3))
    affinity = neighbour_graph(x, 10)
    vectors = spectral_embedding(affinity, 4, seed=0)
    degree = np.asarray(affinity.sum(1)).ravel()
    root = np.sqrt(degree)
    u = vectors * root[:, None]
    operator = affinity.toarray() / np.outer(root, root)
    top = np.linalg.eigvalsh(operator)[::-1][:4]
    rayleigh = np.einsum("ij,ij->j", u, operator @ u)
    np.testing.assert_allclose(rayleigh, top, atol=1e-4)
    # The first one is constant.
    assert np.ptp(vectors[:, 0]) < 1e-3 * abs(vectors[0, 0])


def test_the_seed_decides(blobs):
    a, b = (spectral_clustering(blobs[0], 4, 10, 3, 7) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_one_cluster_as_many_clusters_as_points_and_more():
    x = np.random.default_rng(0).normal(size=(6, 2))
    assert set(spectral_clustering(x, 1, 3, 2, 0)) == {0}
    assert len(set(spectral_clustering(x, 6, 3, 2, 0))) == 6
    with pytest.raises(ValueError, match="cannot make 7 clusters of 6 points"):
        spectral_clustering(x, 7, 3, 2, 0)


def test_duplicates_stay_together():
    x = np.repeat(np.random.default_rng(0).normal(size=(30, 2)) * 50, 4, axis=0)
    labels = spectral_clustering(x, 3, 8, 5, 0).reshape(30, 4)
    assert (labels == labels[:, :1]).mean() > 0.9
