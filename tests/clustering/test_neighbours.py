import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors, kneighbors_graph

from fashion_mocluster.clustering.neighbours import nearest_neighbours, neighbour_graph


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_against_scikit_learn(block):
    x = np.random.default_rng(0).normal(size=(150, 6)) + 100
    indices, distances = nearest_neighbours(x, 5, block)
    expected = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(x).kneighbors(x)
    np.testing.assert_array_equal(indices, expected[1][:, 1:])
    np.testing.assert_allclose(distances, expected[0][:, 1:], rtol=1e-4)


def test_a_point_is_not_its_own_neighbour_even_among_duplicates():
    indices, distances = nearest_neighbours(np.zeros((6, 2)), 3)
    assert not (indices == np.arange(6)[:, None]).any()
    np.testing.assert_array_equal(distances, 0)


@pytest.mark.parametrize("k", [0, 6])
def test_impossible_numbers_are_refused(k):
    with pytest.raises(ValueError, match="n_neighbors must be 1 to 5"):
        nearest_neighbours(np.zeros((6, 2)), k)


def test_graph_is_that_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(60, 3))
    graph = kneighbors_graph(x, 7, include_self=True)
    expected = 0.5 * (graph + graph.T)
    np.testing.assert_array_equal(neighbour_graph(x, 7).toarray(), expected.toarray())


def test_graph_of_few_points_is_complete():
    np.testing.assert_array_equal(neighbour_graph(np.eye(3), 10).toarray(), np.ones((3, 3)))
