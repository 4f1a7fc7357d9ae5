"""Two-dimensional projections, for figures."""

from typing import Literal

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from fashion_mocluster.clustering.parameters import UmapParameters
from fashion_mocluster.clustering.umap_embedding import umap_embedding


def project(x: np.ndarray, kind: Literal["pca", "umap", "tsne"], seed: int) -> np.ndarray:
    """Points (N, D) in two dimensions (N, 2): the first two principal components, as in the thesis,
    or the coordinates of UMAP (McInnes et al. 2018) or t-SNE (van der Maaten and Hinton 2008).
    """
    if x.shape[1] < 2:
        return np.column_stack([x[:, 0], np.zeros(len(x))])
    if kind == "umap":
        return umap_embedding(x, UmapParameters(n_components=2), seed)
    if kind == "tsne":
        return TSNE(2, perplexity=min(30, len(x) / 4), random_state=seed).fit_transform(x)
    return PCA(2, random_state=seed).fit_transform(x)
