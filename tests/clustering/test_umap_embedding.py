import numpy as np
import pytest

from fashion_mocluster.clustering.parameters import UmapParameters
from fashion_mocluster.clustering.umap_embedding import umap_embedding

FAST = UmapParameters(n_epochs=30)


def test_copies_of_a_point_get_its_coordinates():
    rng = np.random.default_rng(0)
    x = np.r_[np.tile(rng.normal(size=20), (200, 1)), rng.normal(size=(100, 20))]
    coordinates = umap_embedding(x.astype(np.float32), FAST, seed=0)
    assert coordinates.shape == (300, 10)
    assert np.isfinite(coordinates).all()
    np.testing.assert_array_equal(coordinates[:200], np.tile(coordinates[0], (200, 1)))


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 13])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_fewer_points_than_neighbors_and_components(count, metric):
    x = np.random.default_rng(0).normal(size=(count, 4))
    coordinates = umap_embedding(x, UmapParameters(n_epochs=5, metric=metric), seed=0)
    assert coordinates.shape == (count, 10)
    assert np.isfinite(coordinates).all()


def test_neighbors_stay_neighbors():
    angles = np.linspace(0, 6, 300)
    x = np.c_[np.cos(angles), np.sin(angles), angles]
    coordinates = umap_embedding(x, UmapParameters(metric="euclidean", n_components=2), seed=0)
    steps = np.linalg.norm(np.diff(coordinates, axis=0), axis=1)
    assert np.median(steps) < 0.1 * np.ptp(coordinates)
