import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering.balanced import balanced_kmeans, equal_mass_transport


def test_transport_is_the_optimal_balanced_assignment_in_the_limit():
    cost = np.random.default_rng(0).random((30, 3))
    _, slots = linear_sum_assignment(np.repeat(cost, 10, axis=1))
    plan, weights = equal_mass_transport(cost, 0.005, np.ones(3))
    assert (plan.argmax(1) == slots // 10).mean() > 0.9
    np.testing.assert_allclose(plan.sum(1), 1)
    np.testing.assert_allclose(plan.sum(0), 10, rtol=0.05)
    again, _ = equal_mass_transport(cost, 0.005, weights)
    np.testing.assert_allclose(again, plan, atol=0.02)


def test_finds_separated_groups(blobs):
    x, truth = blobs
    assert adjusted_rand_score(balanced_kmeans(x, 3, 3, 0), truth) == 1


def test_clusters_are_of_equal_size_where_k_means_has_them_unequal():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(3, 0.5, (60, 2))])
    even = np.bincount(balanced_kmeans(x, 3, 3, 0))
    uneven = np.bincount(KMeans(3, n_init=3, random_state=0).fit_predict(x))
    assert np.ptp(even) < 15
    assert np.ptp(uneven) > 30


def test_scale_and_position_change_nothing(blobs):
    x, _ = blobs
    a, b = balanced_kmeans(x, 4, 2, 0), balanced_kmeans(x * 1000 + 1e4, 4, 2, 0)
    assert adjusted_rand_score(a, b) == 1


def test_edges():
    assert set(balanced_kmeans(np.random.default_rng(0).random((5, 2)), 1, 1, 0)) == {0}
    assert len(balanced_kmeans(np.zeros((6, 2)), 2, 1, 0)) == 6
    with pytest.raises(ValueError, match="cannot make 7 clusters of 6 points"):
        balanced_kmeans(np.zeros((6, 2)), 7, 1, 0)
