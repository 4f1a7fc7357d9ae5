"""UMAP (McInnes et al. 2018, "UMAP: uniform manifold approximation and projection")."""

import contextlib
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.neighbors import distinct_points, nearest_neighbors, unit
from fashion_mocluster.clustering.parameters import UmapParameters


def umap_embedding(x: np.ndarray, parameters: UmapParameters, seed: int) -> np.ndarray:
    """Coordinates float32 (N, n_components) of points (N, D); equal points get equal ones.

    UMAP runs on one thread, as it does with any seed.
    """
    if parameters.metric == "cosine":
        x = unit(x)
        if parameters.center:
            x = unit(x - x.mean(0))
    # Copies of a point fill its neighbor list, and UMAP would scatter them as groups of their own.
    x, copy_of = distinct_points(x)
    if len(x) <= 2:
        # UMAP needs three points.
        coordinates = np.zeros((len(x), parameters.n_components), np.float32)
        coordinates[:, 0] = np.arange(len(x))
        return coordinates[copy_of]
    # UMAP's own search is approximate and compiles for long. UMAP counts a point as its neighbor, and
    # wants fewer neighbors than points.
    neighbors, distances = nearest_neighbors(x, min(parameters.n_neighbors, len(x) - 1) - 1)
    if parameters.metric == "cosine":
        distances = distances**2 / 2
    itself = np.arange(len(x))[:, None]
    graph = np.hstack([itself, neighbors]), np.pad(distances, ((0, 0), (1, 0)))
    reducer = _umap_class()(
        n_neighbors=graph[0].shape[1],
        n_components=parameters.n_components,
        n_epochs=parameters.n_epochs,
        metric=parameters.metric,
        min_dist=0,  # as its documentation advises before clustering
        # The spectral start needs one eigenvector more than components.
        init="spectral" if len(x) > parameters.n_components + 1 else "random",
        random_state=seed,
        precomputed_knn=graph,
    )
    # Numba changes the number of OpenMP threads, which other libraries share; leaving restores it.
    with warnings.catch_warnings(), threadpool_limits():
        warnings.filterwarnings("ignore", message="n_jobs value 1 overridden")
        warnings.filterwarnings("ignore", message="precomputed_knn")
        return reducer.fit_transform(x)[copy_of]


def _umap_class() -> type:
    """The class UMAP, whose slowest functions are compiled once for all runs, not once a run."""
    from umap import UMAP, layouts, umap_

    for function in (
        umap_.smooth_knn_dist,
        umap_.compute_membership_strengths,
        layouts._nb_optimize_layout_euclidean_single_epoch,
    ):
        # Numba finds no folder that it may write to: it compiles in each run, as it would anyway.
        with contextlib.suppress(RuntimeError):
            function.enable_caching()
    return UMAP
