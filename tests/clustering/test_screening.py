import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering import screening
from fashion_mocluster.clustering.clusterers import cluster
from fashion_mocluster.clustering.neighbors import nearest_distinct
from fashion_mocluster.clustering.parameters import (
    GaussianMixtureParameters,
    HdbscanParameters,
    KMeansParameters,
    SpectralParameters,
    TurtleParameters,
)
from fashion_mocluster.clustering.screening import Screened, cluster_screened, screen


def groups(sizes, dimensions=12, seed=0):
    """Points around one direction per group, and which is which."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    centers = 4 * np.eye(len(sizes), dimensions)
    return (centers[truth] + 0.5 * rng.normal(size=(len(truth), dimensions))), truth


@pytest.mark.parametrize("shape", [(9, 4, 5), (9, 4, 5, 3)])
def test_images_of_equal_pixels_are_found_by_a_loop_too(shape):
    images = np.random.default_rng(0).integers(0, 2, shape, dtype=np.uint8)
    images[5] = images[7] = images[2]
    images[8] = images[0]
    expected = [next(j for j in range(9) if (images[i] == images[j]).all()) for i in range(9)]
    np.testing.assert_array_equal(screening.exact_copies(images), expected)
    assert expected == [0, 1, 2, 3, 4, 2, 6, 2, 0]


def test_near_copies_share_the_first_of_their_group():
    x, _ = groups([100, 100, 100])
    rng = np.random.default_rng(1)
    copies = x[[5, 5, 200]] * (1 + 1e-3 * rng.normal(size=(3, 12)))
    x = np.r_[x, copies]
    found, _ = screening.screen(x, np.arange(303))
    expected = np.r_[np.arange(300), 5, 5, 200]
    np.testing.assert_array_equal(found.representative, expected)


def test_images_without_copies_have_none():
    for seed in range(5):
        x, _ = groups([80, 40, 20], seed=seed)
        found, _ = screening.screen(x, np.arange(140))
        assert (found.representative != np.arange(140)).mean() <= 0.02


def test_exact_copies_hide_neither_near_copies_nor_outliers():
    """200 copies of one image among 100 others: a copy's nearest are all copies."""
    x, _ = groups([100])
    x = np.r_[x, np.tile(x[0], (200, 1)), -8 * np.eye(1, 12), x[[50]] * 1.0001]
    exact = np.r_[np.arange(100), np.zeros(200, int), 300, 301]
    found, distances = screening.screen(x, exact)
    expected = np.r_[np.arange(100), np.zeros(200, int), 300, 50]
    np.testing.assert_array_equal(found.representative, expected)
    assert found.outlier[300]
    assert found.outlier.sum() <= 5
    assert not found.outlier[:1].any()  # what has copies is not unlike all others
    assert distances.argmax() == 300


def test_at_most_half_of_the_images_are_ever_joined():
    x = np.random.default_rng(0).normal(size=(40, 3)) * np.geomspace(1e-6, 1, 40)[:, None] + 1
    found, _ = screening.screen(x, np.arange(40))
    assert len(np.unique(found.representative)) >= 20


@pytest.mark.parametrize("count", [2, 3, 20])
def test_images_that_are_all_equally_far_from_their_nearest_are_no_copies(count):
    """Their deviation is 0, and rounding alone would decide."""
    rng = np.random.default_rng(0)
    for scale in rng.uniform(0.01, 1.4, 300):
        nearest = np.full(count, scale, np.float32)
        assert not (nearest < screening.small_distance(nearest)).any()
    for _ in range(100):
        x = rng.normal(size=(min(count, 3), 10)).astype(np.float32)
        found, _ = screen(x, np.arange(len(x)))
        np.testing.assert_array_equal(found.representative, np.arange(len(x)))


@pytest.mark.parametrize("count", [5, 8])
def test_few_images_are_near_copies_only_where_they_are_much_closer_than_others(count):
    for seed in range(100):
        x = np.random.default_rng(seed).normal(size=(count, 100))
        found, _ = screen(x, np.arange(count))
        np.testing.assert_array_equal(found.representative, np.arange(count))
        found, _ = screen(np.r_[x, x[:1] + 0.01], np.arange(count + 1))
        np.testing.assert_array_equal(found.representative, [*range(count), 0])


@pytest.mark.parametrize("copies", [1, 4])
def test_one_other_image_beside_copies_of_one_is_enough(copies):
    x = np.repeat(np.random.default_rng(0).normal(size=(2, 6)), [copies, 1], axis=0)
    found, _ = screen(x, np.r_[np.zeros(copies, int), copies])
    assert found.representative.tolist() == [*[0] * copies, copies]
    neighbors, _ = nearest_distinct(x, 10, found.representative)
    assert neighbors.tolist() == [*[[copies]] * copies, [0]]
    for parameters in ALL:
        labels = cluster_screened(x, found, parameters, 2, 0)
        assert len(set(labels[:-1])) == 1, parameters.kind


def test_small_and_large_distances_follow_from_median_and_deviation():
    rng = np.random.default_rng(0)
    usual = rng.normal(0.7, 0.1, 20_000)
    assert screening.large_distance(usual) == pytest.approx(0.7 + 3 * 0.1, abs=0.01)
    factors = np.exp(rng.normal(-1, 0.2, 20_000))
    near = screening.small_distance(factors)
    assert np.log(near) == pytest.approx(-1 - 3.5 * 0.2, abs=0.02)
    assert screening.small_distance(np.r_[factors, np.zeros(30_000)]) == near
    assert screening.small_distance(np.zeros(3)) == 0


def test_a_fifth_of_outliers_or_of_copies_hides_none_of_them():
    rng = np.random.default_rng(0)
    usual = rng.normal(0.7, 0.05, 800)
    far, near = rng.normal(1.2, 0.05, 200), rng.normal(0.05, 0.01, 200)
    assert screening.large_distance(np.r_[usual, far]) < far.min()
    assert screening.small_distance(np.r_[usual, near]) > near.max()


def test_the_table_lists_groups_of_two_or_more_and_how_equal_they_are():
    exact = np.array([0, 1, 0, 3, 4, 5])
    representative = np.array([0, 1, 0, 0, 4, 1])
    table = screening.duplicates_table(exact, representative)
    expected = pd.DataFrame(
        {
            "index": [0, 2, 3, 1, 5],
            "group": [0, 0, 0, 1, 1],
            "kind": ["exact", "exact", "near", "near", "near"],
        }
    )
    pd.testing.assert_frame_equal(table, expected)
    assert screening.duplicates_table(np.arange(3), np.arange(3)).empty


ALL = [
    KMeansParameters(),
    SpectralParameters(),
    GaussianMixtureParameters(),
    TurtleParameters(n_init=2),
    HdbscanParameters(),
]


@pytest.mark.parametrize("parameters", ALL, ids=lambda p: p.kind)
def test_without_copies_and_outliers_nothing_changes(parameters):
    x, _ = groups([30, 30, 30])
    nothing = Screened(np.arange(90), np.zeros(90, bool))
    expected = cluster(x, parameters, 3, 0)
    np.testing.assert_array_equal(cluster_screened(x, nothing, parameters, 3, 0), expected)


@pytest.mark.parametrize("parameters", ALL, ids=lambda p: p.kind)
def test_copies_get_the_cluster_of_their_image_and_shape_none(parameters):
    """200 copies of one image of three groups of 30: the same clusters as without them."""
    x, _ = groups([30, 30, 30])
    expected = cluster(x, parameters, 3, 0)
    representative = np.r_[np.arange(90), np.full(200, 7)]
    screened = Screened(representative, np.zeros(290, bool))
    found = cluster_screened(np.r_[x, np.tile(x[7], (200, 1))], screened, parameters, 3, 0)
    np.testing.assert_array_equal(found, expected[representative])


def test_outliers_take_no_cluster_of_their_own_but_one_of_the_others():
    x, truth = groups([40, 40])
    far = 300 * np.array([[1.0, 0.1] + [0] * 10, [0.1, 1.0] + [0] * 10])
    x, outlier = np.r_[x, far], np.arange(82) >= 80
    plain = cluster(x, KMeansParameters(), 2, 0)
    assert adjusted_rand_score(truth, plain[:80]) < 0.5
    found = cluster_screened(x, Screened(np.arange(82), outlier), KMeansParameters(), 2, 0)
    assert adjusted_rand_score(np.r_[truth, 0, 1], found) == 1


def test_a_density_method_leaves_outliers_unsorted_itself():
    x, _ = groups([40, 40])
    x, outlier = np.r_[x, -300 * np.eye(2, 12)], np.arange(82) >= 80
    found = cluster_screened(x, Screened(np.arange(82), outlier), HdbscanParameters(), 2, 0)
    assert found[80:].tolist() == [-1, -1]
    assert set(found[:80]) >= {0, 1}


def test_fewer_images_that_differ_than_clusters():
    x, _ = groups([5])
    representative = np.repeat(np.arange(5) * 12, 12)
    screened = Screened(representative, np.zeros(60, bool))
    found = cluster_screened(np.repeat(x, 12, axis=0), screened, KMeansParameters(), 12, 0)
    assert len(np.unique(found)) == 5
    assert (found == found[representative]).all()
