import itertools
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import scores

partitions = st.integers(4, 40).flatmap(
    lambda n: st.tuples(
        *(st.lists(st.integers(0, 4), min_size=n, max_size=n).map(np.array) for _ in range(2))
    )
)


@settings(deadline=None, max_examples=30)
@given(partitions)
def test_accuracy_is_the_best_over_all_matchings(pair):
    truth, labels = pair
    best = max(
        np.mean(np.array(matching)[labels] == truth)
        for matching in itertools.permutations(range(5))
    )
    assert scores.clustering_accuracy(truth, labels) == pytest.approx(best)


@settings(deadline=None, max_examples=30)
@given(partitions, st.permutations(range(5)))
def test_renaming_clusters_changes_no_score(pair, names):
    truth, labels = pair
    a = scores.label_scores(truth, labels)
    b = scores.label_scores(truth, np.array(names)[labels])
    assert a == pytest.approx(b)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(5, 60), st.integers(2, 4))
def test_silhouette_is_that_of_scikit_learn(seed, n, k):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    x = rng.normal(size=(n, 3)) + 50 + labels[:, None]
    expected = metrics.silhouette_score(x, labels)
    assert scores.silhouette(x, labels, block=13).value == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("block", [299, 300])
def test_silhouette_of_many_clusters_is_that_of_any_number_of_threads(block):
    """Whether or not a distance counts for both of its points, for which blocks decide."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(1000, 3)), rng.integers(0, 300, 1000)
    expected = pytest.approx(metrics.silhouette_score(x, labels), abs=1e-6)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(scores.silhouette(x, labels, block))
    assert found == [(expected, 0)] * 2
    assert found[0] == found[1]


def test_silhouette_of_single_members_and_equal_points():
    x = np.array([[0.0], [0], [5], [9]])
    labels = np.array([3, 3, 8, 9])
    assert scores.silhouette(x, labels).value == pytest.approx(metrics.silhouette_score(x, labels))
    assert scores.silhouette(np.zeros((4, 2)), np.array([0, 0, 1, 1])) == (0, 0)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_silhouette_needs_more_than_one_and_fewer_than_n_clusters(labels):
    with pytest.raises(ValueError, match="clusters"):
        scores.silhouette(np.eye(3), np.array(labels))


def test_calinski_harabasz_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = 3 + 5 * rng.integers(0, 6, 2500)
    x = (rng.normal(size=(2500, 7)) + 50 + labels[:, None] / 20).astype(np.float32)
    expected = pytest.approx(metrics.calinski_harabasz_score(x, labels), rel=1e-9)
    assert scores.calinski_harabasz(x, labels) == expected
    equal = np.repeat([[1.0, 2], [3, 4]], 3, axis=0)
    assert scores.calinski_harabasz(equal, np.repeat([0, 1], 3)) == 1


def test_scores_copy_the_points_once(monkeypatch):
    """Pixels of 70,000 images are much of the memory of an evaluation."""
    monkeypatch.setattr(scores, "BLOCK", 128)
    rng = np.random.default_rng(0)
    x, labels = rng.random((4000, 1500), np.float32), rng.integers(0, 10, 4000)
    tracemalloc.start()
    scores.label_free_scores(x, labels)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Two blocks of distances take half as much again.
    assert 1 < most / x.nbytes < 1.8


def test_label_free_scores(blobs):
    x, labels = blobs
    s = scores.label_free_scores(x, labels)
    assert s["dbi"] == metrics.davies_bouldin_score(x, labels)
    assert s["chi"] == pytest.approx(metrics.calinski_harabasz_score(x, labels), rel=1e-12)
    assert s["chi_normalized"] == pytest.approx(np.log1p(s["chi"]) / 10)
    assert all(np.isnan(v) for v in scores.label_free_scores(x, labels * 0).values())


def test_more_clusters_than_classes_and_fewer():
    assert scores.clustering_accuracy(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])) == 0.75
    assert scores.clustering_accuracy(np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1])) == 0.75


def test_match_clusters_orders_by_class_and_puts_the_rest_last():
    table = np.array([[0, 9, 1, 0], [8, 0, 0, 2]])
    np.testing.assert_array_equal(scores.match_clusters(table), [1, 0, 2, 3])


@settings(deadline=None, max_examples=30)
@given(partitions)
def test_matched_classes_are_right_as_often_as_the_accuracy_says(pair):
    truth, labels = pair
    matched = scores.matched_classes(truth, labels)
    assert np.mean(matched == truth) >= scores.clustering_accuracy(truth, labels)
    if len(set(labels)) <= len(set(truth)):
        assert np.mean(matched == truth) == pytest.approx(scores.clustering_accuracy(truth, labels))


def test_a_cluster_left_over_takes_the_class_of_most_of_it():
    truth = np.array([3, 3, 3, 3, 5, 5])
    labels = np.array([0, 0, 0, 2, 1, 1])
    assert scores.matched_classes(truth, labels).tolist() == truth.tolist()


def test_neighbor_mutual_information_is_the_mutual_information_of_all_pairs():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 60)
    neighbors = rng.integers(0, 60, (60, 5))
    one = np.repeat(labels, 5)
    other = labels[neighbors.ravel()]
    # Each pair counts in both directions.
    expected = metrics.mutual_info_score(np.r_[one, other], np.r_[other, one])
    assert scores.neighbor_mutual_information(neighbors, labels) == pytest.approx(expected)


def test_neighbor_mutual_information_prefers_what_neighbors_share_and_even_clusters():
    neighbors = np.arange(60).reshape(-1, 1) ^ 1  # points 2i and 2i + 1 are a pair
    value = scores.neighbor_mutual_information
    even, uneven = np.arange(60) // 20, (np.arange(60) >= 2) + (np.arange(60) >= 4)
    one = np.zeros(60, int)
    assert value(neighbors, even) == pytest.approx(np.log(3))
    assert value(neighbors, even) > value(neighbors, uneven)
    assert value(neighbors, one) == 0


def test_unsorted_points_tell_nothing_of_their_neighbors():
    """As if each were in a cluster drawn at random from the sizes of the others."""
    rng = np.random.default_rng(0)
    labels, neighbors = rng.integers(0, 3, 5000), rng.integers(0, 5000, (5000, 4))
    neighbors[labels == 2] = rng.choice(np.flatnonzero(labels == 2), ((labels == 2).sum(), 4))
    unsorted = rng.random(5000) < 0.3
    guessed = np.where(unsorted, rng.permutation(labels), labels)
    left_out = np.where(unsorted, -1, labels)
    value = scores.neighbor_mutual_information
    assert value(neighbors, left_out) == pytest.approx(value(neighbors, guessed), abs=0.01)
    assert value(neighbors, left_out) < value(neighbors, labels)
    assert value(neighbors, np.full(5000, -1)) == 0


def test_more_clusters_than_asked_for_earn_no_more_information():
    """Twelve clusters that halve six count as the six that they are parts of."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 100)
    neighbors = rng.permuted(np.arange(600).reshape(6, 100), axis=1)[groups][:, :5]
    halves = 2 * groups + np.arange(600) % 2
    value = scores.neighbor_mutual_information
    assert value(neighbors, groups) == pytest.approx(np.log(6))
    assert value(neighbors, halves, at_most=6) == pytest.approx(np.log(6))
    assert value(neighbors, groups, at_most=7) == value(neighbors, groups)
    # Merging loses as little as possible: one of the six disappears in another.
    sizes = np.array([200, 100, 100, 100, 100])
    merged = -(sizes / 600 * np.log(sizes / 600)).sum()
    assert value(neighbors, groups, at_most=5) == pytest.approx(merged)


def test_the_smallest_cluster_joins_that_with_which_least_information_is_lost():
    """As all unions find it, one after the other."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        joint = rng.random((rng.integers(2, 15),) * 2) ** 3
        joint[rng.random(joint.shape) < 0.3] = 0
        joint = (joint + joint.T) / (2 * joint.sum())
        smallest = joint.sum(0).argmin()
        unions = []
        for other in set(range(len(joint))) - {smallest}:
            union = joint.copy()
            union[other] += union[smallest]
            union[:, other] += union[:, smallest]
            unions.append(np.delete(np.delete(union, smallest, 0), smallest, 1))
        expected = max(unions, key=scores._mutual_information)
        np.testing.assert_array_equal(scores._merge_smallest(joint), expected)


def test_hundreds_of_clusters_are_merged_within_seconds():
    rng = np.random.default_rng(0)
    neighbors, labels = rng.integers(0, 2000, (2000, 5)), rng.integers(0, 300, 2000)
    start = time.perf_counter()
    scores.neighbor_mutual_information(neighbors, labels, at_most=10)
    assert time.perf_counter() - start < 10


def test_unsorted_points_are_a_cluster_for_the_labels_and_none_for_the_silhouette(blobs):
    x, truth = blobs
    labels = np.where(np.arange(120) % 4, truth, -1)
    found = scores.label_free_scores(x, labels)
    assert found == scores.label_free_scores(x[labels >= 0], truth[labels >= 0])
    assert scores.label_scores(truth, labels) == scores.label_scores(truth, labels % 4)
    nothing = scores.label_free_scores(x, np.full(120, -1))
    assert all(np.isnan(value) for value in nothing.values())
