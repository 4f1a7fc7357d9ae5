import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from fashion_mocluster.clustering.typicality import neighbor_agreement, typical_and_borderline


def test_agreement_is_the_share_that_scikit_learn_counts(blobs):
    points, truth = blobs
    labels = np.where(np.arange(len(truth)) % 7 == 0, 0, truth)
    search = NearestNeighbors(n_neighbors=6, metric="cosine").fit(points)
    expected = [
        np.mean([labels[j] == labels[i] for j in row if j != i][:5])
        for i, row in enumerate(search.kneighbors(points, return_distance=False))
    ]
    np.testing.assert_allclose(neighbor_agreement(points, labels, 5), expected)


def test_more_neighbors_than_points_asks_all_others():
    x = np.eye(3)
    assert neighbor_agreement(x, np.array([0, 0, 1]), 50).tolist() == [0.5, 0.5, 0.0]


def test_the_typical_agree_most_and_the_hardest_least():
    x = np.array([[1, 0], [1, 0.1], [1, 0.5], [1, 0.9], [0, 1], [0.1, 1.0]])
    labels = np.array([0, 0, 0, 0, 1, 1])
    agreement = np.array([1, 1, 0.5, 0, 1, 0.2])
    found = typical_and_borderline(x, labels, agreement, 2)
    assert list(found) == [0, 1]
    typical, hard = found[0]
    # Rows 0 and 1 agree alike; row 1 is nearer to the mean direction.
    assert typical.tolist() == [1, 0]
    assert hard.tolist() == [3, 2]
    assert [rows.tolist() for rows in found[1]] == [[4], [5]]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_clusters_show_at_least_one(size):
    x, labels = np.ones((size, 2)), np.zeros(size, int)
    typical, hard = typical_and_borderline(x, labels, np.ones(size), 8)[0]
    assert len(typical) == len(hard) == 1
