import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import kneighbors_graph
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.neighbors import (
    distinct_points,
    nearest_neighbors,
    neighbor_graph,
)


@pytest.mark.parametrize("k", [1, 5, 149])
@pytest.mark.parametrize("offset", [0, 1e3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_differences_of_all_pairs(k, offset, dtype):
    x = (np.random.default_rng(0).normal(size=(150, 6)) + offset).astype(dtype)
    expected = cdist(x.astype(np.float64), x.astype(np.float64))
    np.fill_diagonal(expected, np.inf)
    indices, distances = nearest_neighbors(x, k)
    np.testing.assert_array_equal(indices, expected.argsort(1)[:, :k])
    np.testing.assert_allclose(distances, np.sort(expected, 1)[:, :k], rtol=1e-5)
    assert (indices.dtype, distances.dtype) == (np.int64, np.float32)


def test_the_number_of_threads_changes_nothing():
    x = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(nearest_neighbors(x, 9))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_distinct_points_keep_their_order():
    x = np.array([[2.0, 1], [0, 0], [2, 1], [1, 5], [0, 0]])
    points, copy_of = distinct_points(x)
    np.testing.assert_array_equal(points, [[2, 1], [0, 0], [1, 5]])
    np.testing.assert_array_equal(copy_of, [0, 1, 0, 2, 1])


@pytest.mark.parametrize("count", [6, 2000])
def test_a_point_is_not_its_own_neighbor_even_among_duplicates(count):
    indices, distances = nearest_neighbors(np.full((count, 2), 3.0), 3)
    assert not (indices == np.arange(count)[:, None]).any()
    assert (np.diff(np.sort(indices)) > 0).all()
    np.testing.assert_array_equal(distances, 0)


@pytest.mark.parametrize("k", [0, 6])
def test_impossible_numbers_are_refused(k):
    with pytest.raises(ValueError, match="n_neighbors must be 1 to 5"):
        nearest_neighbors(np.zeros((6, 2)), k)


def test_graph_is_that_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(60, 3))
    expected = kneighbors_graph(x, 7, include_self=False)
    np.testing.assert_array_equal(neighbor_graph(x, 7).toarray(), expected.toarray())


@pytest.mark.parametrize("count", [1, 3])
def test_graph_of_few_points_is_complete(count):
    x = np.eye(count)
    np.testing.assert_array_equal(neighbor_graph(x, 10).toarray(), 1 - np.eye(count))
