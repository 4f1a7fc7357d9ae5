import numpy as np
import pytest
from sklearn.datasets import load_digits, make_blobs

from fashion_mocluster.clustering import n_clusters, scores
from fashion_mocluster.clustering.n_clusters import choose
from fashion_mocluster.errors import InputError
from tests.conftest import uses_umap

pytestmark = uses_umap


def data_of(n_groups, seed, spread=1.0):
    """Groups of 60, far from each other and around the origin."""
    x, _ = make_blobs(60 * n_groups, 15, centers=n_groups, cluster_std=spread, random_state=seed)
    return x.astype(np.float32)


@pytest.mark.parametrize("n_groups", [2, 5, 9])
def test_separated_groups_are_counted(n_groups):
    chosen, curve = choose(data_of(n_groups, n_groups), 2, 14, 0)
    assert chosen == n_groups
    assert curve["n_clusters"] == list(range(2, 15))
    assert curve["n_clusters"][int(np.argmax(curve["modularity"]))] == chosen


def test_groups_of_unequal_size_are_counted():
    rng = np.random.default_rng(0)
    truth = np.repeat(range(5), [300, 150, 80, 40, 30])
    x = 4 * np.eye(5, 12)[truth] + 0.3 * rng.normal(size=(600, 12))
    assert choose(x, 2, 12, 0)[0] == 5


def test_ten_kinds_of_digits_are_about_ten_clusters():
    chosen, _ = choose(load_digits().data, 2, 30, 0)
    assert 8 <= chosen <= 13


def test_of_very_many_points_a_sample_is_looked_at(monkeypatch):
    monkeypatch.setattr(n_clusters, "FEW", 300)
    assert choose(data_of(10, 0), 2, 14, 0)[0] == 10


def test_no_more_clusters_are_tried_than_there_are_points():
    x = np.random.default_rng(0).normal(size=(6, 4))
    assert choose(x, 2, 30, 0)[1]["n_clusters"] == [2, 3, 4, 5]
    assert choose(x[:3], 2, 30, 0)[0] == 2
    with pytest.raises(InputError, match=r"more images that differ than the 3 .* there are 3; set"):
        choose(x[:3], 3, 30, 0)


def test_modularity_is_that_of_networkx():
    networkx = pytest.importorskip("networkx")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 50)
    neighbors = np.array([rng.choice(np.delete(np.arange(50), i), 6, False) for i in range(50)])
    graph = networkx.MultiGraph()
    graph.add_edges_from((i, int(j)) for i in range(50) for j in neighbors[i])
    groups = [set(np.flatnonzero(labels == k)) for k in range(4)]
    expected = networkx.community.modularity(graph, groups)
    assert scores.modularity(neighbors, labels) == pytest.approx(expected)
