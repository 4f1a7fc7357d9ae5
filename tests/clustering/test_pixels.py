import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering.pixels import COMPONENTS, pixel_clusters
from fashion_mocluster.clustering.turtle import Turtle


def images_of(centers: np.ndarray, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    x = np.repeat(centers, n, axis=0) + rng.normal(0, 8, (len(centers) * n, *centers.shape[1:]))
    return x.clip(0, 255).astype(np.uint8)


def test_finds_images_that_look_alike():
    centers = np.zeros((3, 12, 12))
    centers[0, :4], centers[1, 4:8], centers[2, 8:] = 200, 150, 100
    labels = pixel_clusters(images_of(centers, 50), 3, 0)
    assert labels.dtype == np.int64
    assert adjusted_rand_score(labels, np.repeat([0, 1, 2], 50)) == 1


@pytest.mark.slow
def test_is_turtle_on_the_principal_components():
    images = images_of(np.random.default_rng(1).uniform(0, 255, (4, 14, 14)), 40)
    z = PCA(COMPONENTS, svd_solver="full").fit_transform(images.reshape(160, -1) / 255.0)
    expected = Turtle(4, random_state=3).fit_predict(z)
    assert adjusted_rand_score(pixel_clusters(images, 4, 3), expected) > 0.98


def test_few_images_and_few_pixels_do():
    images = np.random.default_rng(0).integers(0, 255, (3, 4, 4), dtype=np.uint8)
    assert sorted(set(pixel_clusters(images, 3, 0))) <= [0, 1, 2]
    with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=4"):
        pixel_clusters(images, 4, 0)
