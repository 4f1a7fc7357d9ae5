import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors, kneighbors_graph
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import neighbors
from fashion_mocluster.clustering.neighbors import nearest_neighbors, neighbor_graph


def neighbors_by_scikit_learn(x, k):
    distances, indices = NearestNeighbors(algorithm="brute").fit(x).kneighbors(n_neighbors=k)
    return indices, distances


@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("groups", [4, 64, 1024])
@pytest.mark.parametrize("k", [1, 5, 140, 149])
def test_against_scikit_learn(monkeypatch, block, groups, k):
    monkeypatch.setattr(neighbors, "BLOCK", block)
    monkeypatch.setattr(neighbors, "GROUPS", groups)
    x = np.random.default_rng(0).normal(size=(150, 6)) + 100
    indices, distances = nearest_neighbors(x, k)
    expected_indices, expected_distances = neighbors_by_scikit_learn(x, k)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected_distances, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [1e4, 1e5, 1e6, 1e7])
def test_groups_so_far_apart_that_single_precision_cannot_tell_their_members(
    monkeypatch, dtype, gap
):
    monkeypatch.setattr(neighbors, "EXTRA_CANDIDATES", 1)
    rng = np.random.default_rng(0)
    # Whole numbers, all kept exactly in either type, and so are the sums of their squares.
    x = rng.integers(0, 600, (600, 20)) + gap * rng.integers(0, 2, (600, 1))
    indices, _ = nearest_neighbors(x.astype(dtype), 5)
    np.testing.assert_array_equal(indices, neighbors_by_scikit_learn(x, 5)[0])


def test_the_number_of_threads_changes_nothing():
    x = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(nearest_neighbors(x, 9))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


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
