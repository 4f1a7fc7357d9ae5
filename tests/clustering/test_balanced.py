import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.balanced import BalancedKMeans, equal_mass_transport


def test_transport_is_the_optimal_balanced_assignment_in_the_limit():
    cost = np.random.default_rng(0).random((30, 3))
    _, slots = linear_sum_assignment(np.repeat(cost, 10, axis=1))
    plan, weights = equal_mass_transport(cost, 0.005, np.ones(3))
    assert (plan.argmax(1) == slots // 10).mean() > 0.9
    np.testing.assert_allclose(plan.sum(1), 1)
    np.testing.assert_allclose(plan.sum(0), 10, rtol=0.05)
    again, _ = equal_mass_transport(cost, 0.005, weights)
    np.testing.assert_allclose(again, plan, atol=0.02)


@parametrize_with_checks([BalancedKMeans(n_init=1)])
def test_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_finds_separated_groups(blobs):
    x, truth = blobs
    labels = BalancedKMeans(3, n_init=3, random_state=0).fit_predict(x)
    assert adjusted_rand_score(labels, truth) == 1


def test_clusters_are_of_equal_size_where_k_means_has_them_unequal():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(3, 0.5, (60, 2))])
    even = np.bincount(BalancedKMeans(3, n_init=3, random_state=0).fit_predict(x))
    uneven = np.bincount(KMeans(3, n_init=3, random_state=0).fit_predict(x))
    assert np.ptp(even) < 15
    assert np.ptp(uneven) > 30


def test_scale_position_and_constant_columns_change_nothing(blobs):
    x, _ = blobs
    moved = np.hstack([x * 1000 + 1e4, np.full((len(x), 1), 5.0)])
    a, b = (BalancedKMeans(4, n_init=2, random_state=0).fit_predict(p) for p in (x, moved))
    assert adjusted_rand_score(a, b) == 1


def test_the_best_start_wins():
    x = np.random.default_rng(0).normal(size=(200, 2))

    def within(n_init, seed):
        labels = BalancedKMeans(7, n_init=n_init, random_state=seed).fit_predict(x)
        return sum(np.square(x[labels == k] - x[labels == k].mean(0)).sum() for k in range(7))

    # Five starts of a seed begin with its one start.
    many, single = (np.array([within(n, seed) for seed in range(5)]) for n in (5, 1))
    assert (many <= single * 1.001).all()
    assert (many < single * 0.99).any()


def test_the_seed_decides_and_the_number_of_threads_does_not():
    x = np.random.default_rng(0).normal(size=(3000, 10))
    labels = []
    for threads, seed in ((1, 5), (2, 5), (2, 6)):
        with threadpool_limits(threads):
            labels.append(BalancedKMeans(6, n_init=1, random_state=seed).fit_predict(x))
    np.testing.assert_array_equal(labels[0], labels[1])
    assert (labels[1] != labels[2]).any()


def test_one_cluster_as_many_clusters_as_points_and_more():
    x = np.random.default_rng(0).random((5, 2))
    assert set(BalancedKMeans(1, n_init=1).fit_predict(x)) == {0}
    assert len(set(BalancedKMeans(5, n_init=1).fit_predict(x))) == 5
    with pytest.raises(ValueError, match="n_samples=5 should be >= n_clusters=6"):
        BalancedKMeans(6).fit(x)


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_equal_points_are_clustered_somehow():
    assert BalancedKMeans(2, n_init=1).fit_predict(np.zeros((6, 2))).shape == (6,)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_and_infinite_values_are_refused(bad):
    x = np.random.default_rng(0).normal(size=(30, 2))
    x[3, 1] = bad
    with pytest.raises(ValueError, match="NaN|infinity"):
        BalancedKMeans(2).fit(x)


@pytest.mark.parametrize("parameters", [{"n_clusters": 0}, {"n_init": 0}])
def test_impossible_parameters_are_refused(parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))!r} parameter"):
        BalancedKMeans(**parameters).fit(np.eye(12))
