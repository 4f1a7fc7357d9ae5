"""Clusters of the pixels themselves, without any trained encoder."""

import numpy as np
from sklearn.decomposition import PCA

from fashion_mocluster.clustering.turtle import Turtle

COMPONENTS = 128


def pixel_clusters(images: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Labels int64 (N,) in 0..n_clusters-1 that TURTLE finds in the principal components of the
    images, uint8 (N, H, W).

    Raises:
        ValueError: Fewer than two images, or fewer than clusters.
    """
    x = images.reshape(len(images), -1).astype(np.float32)
    x /= 255
    z = PCA(min(COMPONENTS, *x.shape), copy=False, random_state=seed).fit_transform(x)
    return Turtle(n_clusters, random_state=seed).fit_predict(z)
