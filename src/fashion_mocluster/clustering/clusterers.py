"""One entry to all clusterers: a table of embeddings in, labels out."""

import warnings
from functools import partial

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from fashion_mocluster.clustering.balanced import BalancedKMeans
from fashion_mocluster.clustering.neighbors import nearest_neighbors, unit
from fashion_mocluster.clustering.parameters import ClustererParameters, ManifoldParameters
from fashion_mocluster.clustering.spectral import SpectralClusterer
from fashion_mocluster.clustering.turtle import Turtle


def prepare(x: np.ndarray, parameters: ClustererParameters) -> np.ndarray:
    """The space in which a method's clusters are scored: standardized if the method says so."""
    return StandardScaler().fit_transform(x) if parameters.standardize else x


def cluster(
    x: np.ndarray,
    parameters: ClustererParameters,
    n_clusters: int,
    seed: int,
    init_labels: np.ndarray | None = None,
) -> np.ndarray:
    """Labels int64 (N,) in 0..n_clusters-1 of prepared points (N, D).

    Args:
        init_labels: Labels (N,) found in another way, for ``init: pixel_clusters``.

    Raises:
        ValueError: More clusters than points, NaN among the points, or no ``init_labels`` where the
            method needs them.
    """
    if n_clusters > len(x):
        raise ValueError(f"n_clusters is {n_clusters} but there are only {len(x)} images; lower it")
    if not np.isfinite(x).all():
        raise ValueError("the embeddings hold NaN or infinite values; the encoder has diverged")
    if parameters.manifold is not None:
        x = manifold_embedding(x, parameters.manifold, seed)
    smoothing = {"n_neighbors": parameters.n_neighbors, "n_hops": parameters.n_hops}
    settings = {"n_init": parameters.n_init, "random_state": seed}
    clusterer = {
        "kmeans": partial(KMeans, **settings),
        "balanced_kmeans": partial(BalancedKMeans, **settings),
        "spectral": partial(SpectralClusterer, n_neighbors=parameters.n_neighbors, **settings),
        "gaussian_mixture": partial(GaussianMixture, **settings),
        "turtle": partial(Turtle, **smoothing, **settings),
    }[parameters.kind]
    given = {}
    if parameters.init == "pixel_clusters":
        if init_labels is None:
            raise ValueError(
                f"init is {parameters.init!r}, but no clusters of the pixels were given"
            )
        given["init_labels"] = init_labels
    return clusterer(n_clusters).fit_predict(x, **given).astype(np.int64)


def manifold_embedding(x: np.ndarray, parameters: ManifoldParameters, seed: int) -> np.ndarray:
    """UMAP coordinates float32 (N, n_components); a seed makes it run on one thread."""
    from umap import UMAP

    if parameters.metric == "cosine":
        x = unit(x)
    # UMAP's own search is approximate and compiles for long; it counts a point as its neighbor.
    neighbors, distances = nearest_neighbors(x, min(parameters.n_neighbors, len(x)) - 1)
    if parameters.metric == "cosine":
        distances = distances**2 / 2
    itself = np.arange(len(x))[:, None]
    graph = np.hstack([itself, neighbors]), np.pad(distances, ((0, 0), (1, 0)))
    reducer = UMAP(
        n_neighbors=graph[0].shape[1],
        n_components=parameters.n_components,
        n_epochs=parameters.n_epochs,
        metric=parameters.metric,
        min_dist=0,  # as its documentation advises before clustering
        random_state=seed,
        precomputed_knn=graph,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value 1 overridden")
        warnings.filterwarnings("ignore", message="precomputed_knn")
        return reducer.fit_transform(x)
