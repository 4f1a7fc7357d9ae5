import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering.clusterers import cluster, prepare
from fashion_mocluster.clustering.parameters import ClustererParameters
from fashion_mocluster.clustering.turtle import Turtle


@pytest.mark.parametrize(
    "kind", ["kmeans", "balanced_kmeans", "spectral", "gaussian_mixture", "turtle"]
)
@pytest.mark.parametrize("manifold", [None, {"n_neighbors": 10, "n_components": 2}])
def test_every_clusterer_finds_separated_groups_again_and_again(blobs, kind, manifold):
    x, truth = blobs
    parameters = ClustererParameters(kind=kind, manifold=manifold)
    labels = cluster(x, parameters, 3, seed=0)
    assert labels.dtype == np.int64
    # TURTLE and the cosine metric of the manifold tell directions, not positions.
    least = 0.3 if manifold else {"turtle": 0.7}.get(kind, 0.9)
    assert adjusted_rand_score(labels, truth) > least
    np.testing.assert_array_equal(labels, cluster(x, parameters, 3, seed=0))


def test_turtle_keeps_the_start_that_agrees_with_the_reference(blobs):
    x, truth = blobs
    parameters = ClustererParameters(kind="turtle", n_init=4, n_hops=1, init="pixel_clusters")
    expected = Turtle(3, n_neighbors=10, n_init=4, n_hops=1, random_state=0)
    expected = expected.fit_predict(x, init_labels=truth)
    np.testing.assert_array_equal(cluster(x, parameters, 3, 0, truth), expected)
    with pytest.raises(ValueError, match="init is 'pixel_clusters', but no clusters"):
        cluster(x, parameters, 3, 0)
    with pytest.raises(ValueError, match="init is a parameter of turtle alone, not of kmeans"):
        ClustererParameters(kind="kmeans", init="pixel_clusters")


def test_standardizing_is_part_of_the_space_that_is_scored():
    x = np.random.default_rng(0).normal(3, [1, 100], (50, 2))
    scaled = prepare(x, ClustererParameters(kind="kmeans", standardize=True))
    np.testing.assert_allclose(scaled.std(0), 1)
    assert prepare(x, ClustererParameters(kind="kmeans")) is x


def test_bad_input_is_refused_clearly():
    p = ClustererParameters(kind="kmeans")
    with pytest.raises(ValueError, match="n_clusters is 5 but there are only 4 images"):
        cluster(np.eye(4), p, 5, 0)
    with pytest.raises(ValueError, match="NaN"):
        cluster(np.full((9, 2), np.nan), p, 2, 0)
