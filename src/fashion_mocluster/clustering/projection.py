"""Two-dimensional projections, for figures."""

from typing import Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from fashion_mocluster.clustering.neighbors import nearest_among, take_rows, unit
from fashion_mocluster.clustering.parameters import UmapParameters
from fashion_mocluster.clustering.samples import FEW, sample
from fashion_mocluster.clustering.umap_embedding import umap_embedding

# Of very many points some are projected, and each other lies amid so many of those nearest to it.
AMID = 3


def project(x: np.ndarray, kind: Literal["pca", "umap", "tsne"], seed: int) -> np.ndarray:
    """Points (N, D) in two dimensions (N, 2): the first two principal components, as in the thesis,
    or the coordinates of UMAP (McInnes et al. 2018) or t-SNE (van der Maaten and Hinton 2008). The
    last two are made of a random sample of very many points.
    """
    if x.shape[1] < 2:
        return np.column_stack([x[:, 0], np.zeros(len(x))])
    if kind == "pca":
        return PCA(2, random_state=seed).fit_transform(x)
    rows = sample(np.arange(len(x)), FEW, seed, f"projection: {kind}")
    some = take_rows(x, rows)
    if kind == "umap":
        places = umap_embedding(some, UmapParameters(n_components=2), seed)
    else:
        places = TSNE(2, perplexity=min(30, len(some) / 4), random_state=seed).fit_transform(some)
    if len(rows) == len(x):
        return places
    others = np.setdiff1d(np.arange(len(x)), rows)
    nearest, _ = nearest_among(unit(some), unit(x[others]), AMID)
    projection = np.empty((len(x), 2), places.dtype)
    projection[rows], projection[others] = places, places[nearest].mean(1)
    return projection
