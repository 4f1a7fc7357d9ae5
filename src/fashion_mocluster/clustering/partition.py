"""One entry to all clusterers: a table of embeddings in, labels out."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from fashion_mocluster.clustering.parameters import ClustererParameters, ManifoldParameters
from fashion_mocluster.clustering.spectral import spectral_clustering


def prepare(x: np.ndarray, parameters: ClustererParameters) -> np.ndarray:
    """The space in which a method's clusters are scored: standardised if the method says so."""
    return StandardScaler().fit_transform(x) if parameters.standardise else x


def partition(
    x: np.ndarray, parameters: ClustererParameters, n_clusters: int, seed: int
) -> np.ndarray:
    """Labels int64 (N,) in 0..n_clusters-1 of prepared points (N, D).

    Raises:
        ValueError: More clusters than points, or NaN among the points.
    """
    if n_clusters > len(x):
        raise ValueError(f"n_clusters is {n_clusters} but there are only {len(x)} images; lower it")
    if not np.isfinite(x).all():
        raise ValueError("the embeddings hold NaN or infinite values; the encoder has diverged")
    if parameters.manifold is not None:
        x = manifold_embedding(x, parameters.manifold, seed)
    if parameters.kind == "spectral":
        return spectral_clustering(x, n_clusters, parameters.n_neighbors, parameters.n_init, seed)
    model = {
        "kmeans": lambda: KMeans(n_clusters, n_init=parameters.n_init, random_state=seed),
        "gaussian_mixture": lambda: GaussianMixture(
            n_clusters, n_init=parameters.n_init, random_state=seed
        ),
    }[parameters.kind]()
    return model.fit_predict(x).astype(np.int64)


def manifold_embedding(x: np.ndarray, parameters: ManifoldParameters, seed: int) -> np.ndarray:
    """UMAP coordinates float32 (N, n_components); a seed makes it run on one thread."""
    from umap import UMAP

    reducer = UMAP(
        n_neighbors=min(parameters.n_neighbors, len(x) - 1),
        n_components=parameters.n_components,
        metric=parameters.metric,
        min_dist=0,  # as its documentation advises before clustering
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value 1 overridden")
        return reducer.fit_transform(x)
