"""Nodes of ``data_processing``; none of them takes labels."""

import logging
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters

logger = logging.getLogger(__name__)


def validate_images(
    raw_images: np.ndarray, parameters: DataParameters, n_clusters: Any
) -> np.ndarray:
    """The images, uint8 (N, H, W), if they can be grouped into ``n_clusters`` clusters, a number or
    ``auto``.

    Raises:
        InputError: Too few images, too small ones, or all of them the same.
    """
    source = parameters.path
    if raw_images.dtype != np.uint8 or raw_images.ndim != 3:
        raise InputError(
            f"{source}: expected uint8 (N, H, W), got {raw_images.dtype} {raw_images.shape}"
        )
    if len(raw_images) < 2:
        raise InputError(f"{source}: clustering needs at least 2 images, got {len(raw_images)}")
    if n_clusters != "auto" and len(raw_images) < n_clusters:
        raise InputError(
            f"{source}: {len(raw_images)} images cannot make {n_clusters} clusters; lower n_clusters"
        )
    height, width = raw_images.shape[1:]
    if min(height, width) < 4:
        raise InputError(f"{source}: images need at least 4 x 4 pixels, got {height} x {width}")
    if (raw_images == raw_images[0]).all():
        raise InputError(
            f"{source}: all {len(raw_images)} images are the same; there is nothing to cluster"
        )
    constant = int((np.ptp(raw_images, axis=(1, 2)) == 0).sum())
    if constant:
        logger.warning("%s: %d images show one shade of gray only", source, constant)
    logger.info("%s: %d images of %d x %d", source, *raw_images.shape)
    return raw_images


def describe_pixels(images: np.ndarray) -> dict:
    """Number, size and pixel statistics of uint8 images (N, H, W).

    ``mean`` and ``std`` are on the scale 0 to 255, ``black_share`` is the fraction of zeros.
    """
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
    """``index`` and ``cluster`` of every image (N rows), found in its pixels alone.

    Args:
        images: uint8 (N, H, W).
        n_clusters: How many.
        seed: Of the clustering.
    """
    from fashion_mocluster.clustering.pixels import pixel_clusters

    labels = pixel_clusters(images, n_clusters, seed)
    return pd.DataFrame({"index": np.arange(len(labels)), "cluster": labels})


def draw_contact_sheet(images: np.ndarray) -> Figure:
    """A figure of images that are evenly spaced in the file."""
    from fashion_mocluster.reporting.contact_sheet import contact_sheet

    return contact_sheet(images, "Images as they are read")
