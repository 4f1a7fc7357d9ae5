"""Nodes of ``data_processing``. No label reaches them."""

import logging

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.pipelines.data_processing.parameters import DataParameters

logger = logging.getLogger(__name__)


def validate_images(
    raw_images: np.ndarray, parameters: DataParameters, n_clusters: int
) -> np.ndarray:
    """The images, uint8 (N, H, W), if they can be grouped into ``n_clusters``.

    Raises:
        ValueError: Too few images, too small ones, or all of them equal.
    """
    source = parameters.path
    if raw_images.dtype != np.uint8 or raw_images.ndim != 3:
        raise ValueError(
            f"{source}: expected uint8 (N, H, W), got {raw_images.dtype} {raw_images.shape}"
        )
    if len(raw_images) < 2:
        raise ValueError(f"{source}: {len(raw_images)} image; clustering needs at least 2")
    if len(raw_images) < n_clusters:
        raise ValueError(
            f"{source}: {len(raw_images)} images cannot make {n_clusters} clusters; lower n_clusters"
        )
    if min(raw_images.shape[1:]) < 4:
        raise ValueError(
            f"{source}: images of {raw_images.shape[1:]} pixels; at least 4 x 4 are needed"
        )
    if (raw_images == raw_images[0]).all():
        raise ValueError(
            f"{source}: all {len(raw_images)} images are equal; there is nothing to group"
        )
    constant = int((np.ptp(raw_images, axis=(1, 2)) == 0).sum())
    if constant:
        logger.warning("%s: %d images are all one gray", source, constant)
    logger.info("%s: %d images of %d x %d", source, *raw_images.shape)
    return raw_images


def describe_pixels(images: np.ndarray) -> dict:
    """Count, size and pixel statistics (0-255 scale) of uint8 images (N, H, W)."""
    counts = np.bincount(images.ravel(), minlength=256)
    values = np.arange(256)
    mean = float((counts * values).sum() / images.size)
    variance = float((counts * (values - mean) ** 2).sum() / images.size)
    return {
        "n_images": len(images),
        "height": images.shape[1],
        "width": images.shape[2],
        "mean": mean,
        "std": variance**0.5,
        "black_share": float(counts[0] / images.size),
    }


def cluster_pixels(images: np.ndarray, n_clusters: int, seed: int) -> pd.DataFrame:
    """Index and cluster of every image, found in its pixels alone."""
    from fashion_mocluster.clustering.pixels import pixel_clusters

    labels = pixel_clusters(images, n_clusters, seed)
    return pd.DataFrame({"index": np.arange(len(labels)), "cluster": labels})


def draw_contact_sheet(images: np.ndarray) -> Figure:
    """A sheet of images evenly spread over the file."""
    from fashion_mocluster.reporting.contact_sheet import contact_sheet

    return contact_sheet(images, "Images as they are read")
