"""Feature maps whitened by how they scatter among views of one image.

This is within-class covariance normalization (Hatch, Kajarekar and Stolcke 2006, "Within-class
covariance normalization for SVM-based speaker recognition") of principal components of a stage's
maps, with the random views of an image as a class. Distances then depend less on what cropping,
rotation or lighting change, and no label is needed.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Generator

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.embedding import embed, encode, images_at_once, one_thread_each
from fashion_mocluster.learning.feature_maps import Readout, flatten_feature_map
from fashion_mocluster.learning.parameters import EmbeddingParameters, WhiteningParameters
from fashion_mocluster.learning.preprocessing import shrunk_size
from fashion_mocluster.learning.views import view
from fashion_mocluster.learning.weights import EncoderWeights


def whiten_and_embed(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: WhiteningParameters,
    embedding: EmbeddingParameters,
) -> tuple[EncoderWeights, np.ndarray]:
    """The same encoder with a readout fitted to uint8 images (N, H, W) or (N, H, W, 3), and the
    embeddings float32 (N, E) that it makes of them, as :func:`embed` would.

    It has ``n_components`` dimensions, or fewer where there are fewer images or the map is smaller.
    Views are drawn batch by batch, so another ``embedding.batch_size`` acts like another seed.

    Raises:
        InputError: The encoder has no such stage or is for another image size, there are fewer than
            two images, or no image differs from the others.
    """
    readout, rows, maps = _fit(images, weights, parameters, embedding)
    whitened = replace(weights, readout=readout)
    z = np.empty((len(images), readout.matrix.shape[1]), np.float32)
    # The maps that the readout was fitted to are there already; so applied, they are rounded alike.
    parts = torch.from_numpy(maps).split(images_at_once(weights.build()))
    with one_thread_each():
        z[rows] = torch.cat([readout.apply(part) for part in parts])
    others = np.setdiff1d(np.arange(len(images)), rows)
    if len(others):
        z[others] = embed(images, whitened, embedding, others)
    return whitened, z


def _fit(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: WhiteningParameters,
    embedding: EmbeddingParameters,
) -> tuple[Readout, np.ndarray, np.ndarray]:
    """The readout, the images that it was fitted to, int (n,), and their maps, float32 (n, D)."""
    p = parameters
    if p.stage > (stages := weights.build().stages):
        raise InputError(
            f"whitening.stage is {p.stage}, but the encoder has {stages} stages; lower it"
        )
    size = shrunk_size(images.shape[1:3], embedding.preprocessing or weights.preprocessing)
    if size != tuple(weights.image_size):
        raise InputError(
            f"whitening: images of {size}, but the encoder was trained on "
            f"{tuple(weights.image_size)}; bring them to that size"
        )
    if len(images) < 2:
        raise InputError(f"whitening needs at least two images, got {len(images)}")
    chosen = np.random.default_rng(p.seed).permutation(len(images))[: p.n_fit_images]
    rows = np.sort(chosen)

    def maps(augment=None) -> np.ndarray:
        """Float32 (n, D)."""

        def represent(encoder, x):
            return flatten_feature_map(encoder, x, p.stage, p.max_grid_size, embedding.flip_tta)

        return encode(images, weights, embedding, represent, augment, rows)

    x = maps()
    pca = PCA(min(p.pca_components, *x.shape), random_state=p.seed % 2**32)
    z = pca.fit_transform(x)
    if pca.explained_variance_.sum() < 1e-9:  # rounding of unit vectors alone makes less
        raise InputError("whitening: all images look the same to the encoder; are they blank?")
    to_white = np.eye(z.shape[1])
    if p.shrinkage is not None:
        generator = Generator().manual_seed(p.seed)
        one, other = (
            pca.transform(maps(lambda pixels: view(pixels, p.views, generator))) for _ in range(2)
        )
        to_white = whitening_matrix((one - other) / np.sqrt(2), p.shrinkage)
    # The directions in which the whitened images spread most are kept.
    main = PCA(min(p.n_components, z.shape[1]), svd_solver="full").fit(z @ to_white)
    matrix = pca.components_.T @ to_white @ main.components_.T
    readout = Readout(
        p.stage,
        p.max_grid_size,
        embedding.flip_tta,
        torch.from_numpy(pca.mean_.astype(np.float32)),
        torch.from_numpy(matrix.astype(np.float32)),
    )
    return readout, rows, x


def whitening_matrix(differences: np.ndarray, shrinkage: float) -> np.ndarray:
    """A matrix (C, C) that gives points (n, C) which scatter like ``differences`` unit variance.

    Args:
        differences: (n, C), of mean 0; those of two views are divided by the square root of 2.
        shrinkage: Fraction of the mean variance that is added to every variance, so that directions
            that hardly vary among views are not amplified without limit.
    """
    scatter = differences.T @ differences / len(differences)
    variances, directions = np.linalg.eigh(scatter.astype(np.float64))
    variances = np.maximum(variances, 0)
    floor = max(shrinkage * variances.mean(), np.finfo(np.float32).tiny)
    return directions / np.sqrt(variances + floor)
