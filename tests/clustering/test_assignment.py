import numpy as np
import pytest

from fashion_mocluster.clustering.assignment import assign_by_neighbors


def test_votes_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    known, new = rng.normal(size=(80, 4)), rng.normal(size=(30, 4))
    clusters = rng.integers(0, 3, 80) * 2  # a cluster may be empty
    found, share, distances = assign_by_neighbors(known, clusters, new, 7)
    for i, point in enumerate(new):
        cosine = known @ point / np.linalg.norm(known, axis=1) / np.linalg.norm(point)
        votes = np.bincount(clusters[np.argsort(-cosine)[:7]], minlength=5)
        assert votes[found[i]] == votes.max()
        assert share[i] == pytest.approx(votes.max() / 7)
        nearest = np.sort(np.sqrt(2 - 2 * cosine))[:7]  # between points on the unit sphere
        np.testing.assert_allclose(distances[i], nearest)
    assert found.dtype == np.int64


def test_known_points_keep_their_clusters(blobs):
    points, truth = blobs
    points = points + 20  # away from the origin, so that directions tell the groups apart
    found, share, distances = assign_by_neighbors(points, truth, points * 3, 1)
    assert (found == truth).all()
    assert (share == 1).all()
    np.testing.assert_allclose(distances, 0, atol=1e-6)


def test_fewer_known_points_than_votes():
    found, share, _ = assign_by_neighbors(np.eye(2), np.array([4, 4]), np.ones((1, 2)), 15)
    assert (found, share) == ([4], [1.0])


def test_of_clusters_with_as_many_votes_the_lowest_wins():
    x = np.array([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]])
    found, share, _ = assign_by_neighbors(x, np.array([2, 2, -1, -1]), np.ones((1, 2)), 4)
    assert (found, share) == ([-1], [0.5])


def test_points_of_another_space_are_refused():
    with pytest.raises(ValueError, match="3 features"):
        assign_by_neighbors(np.eye(2), np.array([0, 1]), np.ones((1, 3)), 1)
