"""Codes of patches (Coates, Ng and Lee 2011, "An analysis of single-layer networks in unsupervised
feature learning"), in the place of a trained encoder.

They say how much each part of an image is like typical small patches, which spherical k-means finds
(Coates and Ng 2012, "Learning feature representations with k-means"). They have the interface of
:class:`~fashion_mocluster.learning.encoder.Encoder`, as histograms of gradients have.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor, nn

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import PatchParameters

# Added to the variance of a patch of pixels in [0, 1], so that noise on empty ground stays small.
CONTRAST_FLOOR = 0.01
# Added to the variances of normalized patches before these are whitened.
WHITENING_FLOOR = 0.1
# Patches that the centers are found among, and rounds of k-means.
N_PATCHES = 60_000
ROUNDS = 10


class PatchEncoder(nn.Module):
    """Images in [0, 1], gray or in color, to a map of similarities; its only stage.

    ``filters`` float32 (n_centers, channels, size, size) and ``offsets`` float32 (n_centers,) are
    what :func:`learn_patches` finds.

    Args:
        parameters: Size and number of the typical patches.
        image_size: Height and width in pixels of the images.
        channels: Of these images, 1 or 3.

    Raises:
        InputError: The images are smaller than a patch.
    """

    stages = 1
    fixed_size = True

    def __init__(self, parameters: PatchParameters, image_size: tuple[int, int], channels: int = 1):
        super().__init__()
        p = self.parameters_used = parameters
        self.image_size, self.channels = tuple(image_size), channels
        if min(image_size) < p.size:
            raise InputError(
                f"patches.size is {p.size}, but the images have {min(image_size)} pixels; lower it"
            )
        self.register_buffer("filters", torch.zeros(p.n_centers, channels, p.size, p.size))
        self.register_buffer("offsets", torch.zeros(p.n_centers))
        n, height, width = self.map_shape(1)
        self.representation_dim = n * height * width

    def map_shape(self, stage: int) -> tuple[int, int, int]:
        """Typical patches, places down and places across of the map."""
        p = self.parameters_used
        return p.n_centers, *((size - p.size) // p.stride + 1 for size in self.image_size)

    def forward(self, x: Tensor) -> Tensor:
        """The flattened map (B, representation_dim) of images (B, channels, H, W)."""
        return self.feature_map(x, 1).flatten(1)

    def feature_map(self, x: Tensor, stage: int) -> Tensor:
        """float32 (B, C, h, w) of images (B, channels, H, W), see :meth:`map_shape`: by how much a
        whitened patch is more like a typical one than like the mean of them, at least 0.
        """
        p, (_, height, width) = self.parameters_used, self.map_shape(stage)
        # One row for each pixel of a patch, one column for each place.
        patches = F.unfold(x.float(), p.size, stride=p.stride)
        variance = patches.square().mean(1, keepdim=True) - patches.mean(1, keepdim=True).square()
        patches = patches / torch.sqrt(variance.clamp_(min=0) + CONTRAST_FLOOR)
        # Small differences would be lost to bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            filters = self.filters.flatten(1).T.expand(len(x), -1, -1)
            similarity = torch.baddbmm(self.offsets, patches.mT, filters)
        return similarity.clamp_(min=0).mT.unflatten(2, (height, width))


def learn_patches(images: np.ndarray, parameters: PatchParameters) -> PatchEncoder:
    """An encoder by the typical patches of uint8 images (N, H, W) or (N, H, W, 3).

    A patch less its mean is divided by its contrast, whitened and compared with the centers. All but
    the division is linear, and becomes one product.

    Raises:
        InputError: The images are smaller than a patch, or have no contrast anywhere.
    """
    channels = 3 if images.ndim == 4 else 1
    encoder = PatchEncoder(parameters, images.shape[1:3], channels)
    rng = np.random.default_rng(parameters.seed)
    patches = _normalized(_random_patches(images, parameters.size, rng))
    if len(patches) < 2:
        raise InputError(
            f"patches: of {N_PATCHES} drawn from the images, {len(patches)} have any contrast; are they "
            "blank? Name methods without patches in evaluation.run_methods"
        )
    mean = patches.mean(0)
    variances, directions = np.linalg.eigh(np.cov(patches, rowvar=False))
    to_white = directions / np.sqrt(variances + WHITENING_FLOOR) @ directions.T
    centers = spherical_kmeans((patches - mean) @ to_white, parameters.n_centers, rng)
    filters = (centers - centers.mean(0)) @ to_white
    offsets = -filters @ mean
    # Patches have mean 0: what the filters add of it would only be rounded.
    filters -= filters.mean(1, keepdims=True)
    shape = encoder.filters.shape
    encoder.filters.copy_(torch.from_numpy(filters.reshape(shape).astype(np.float32)))
    encoder.offsets.copy_(torch.from_numpy(offsets.astype(np.float32)))
    return encoder


def _random_patches(images: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (N_PATCHES, channels * size * size) in [0, 1], the channels first."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    which = rng.integers(windows.shape[:3], size=(N_PATCHES, 3))
    return windows[tuple(which.T)].reshape(N_PATCHES, -1).astype(np.float32) / 255


def _normalized(patches: np.ndarray) -> np.ndarray:
    """Patches (n, P) less their means, divided by their contrast; those without any are left out."""
    patches = patches - patches.mean(1, keepdims=True)
    variances = patches.var(1, keepdims=True)
    normalized = patches / np.sqrt(variances + CONTRAST_FLOOR)
    return normalized[variances[:, 0] > 1e-8]


def spherical_kmeans(x: np.ndarray, n_centers: int, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors (n_centers, D) to which points (n, D) are alike in direction.

    As in section 3.1 of Coates and Ng 2012, a center is pulled a little towards where it was, so
    that one without points stays where it is.
    """
    x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    centers = rng.standard_normal((n_centers, x.shape[1]), x.dtype)
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    for _ in range(ROUNDS):
        similarity = x @ centers.T
        nearest = similarity.argmax(1)
        weights = csr_array(
            (similarity[np.arange(len(x)), nearest], (nearest, np.arange(len(x)))),
            shape=(n_centers, len(x)),
        )
        centers += weights @ x
        centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    return centers
