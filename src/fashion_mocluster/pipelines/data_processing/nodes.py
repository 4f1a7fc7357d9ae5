"""Nodes of ``data_processing``; none of them takes labels."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)


# Images are looked at block by block, for an array that is mapped from a file need not fit into memory.
BLOCK_BYTES = 16_000_000


def validate_images(
    raw_images: np.ndarray, parameters: DataParameters, n_clusters: Any
) -> np.ndarray:
    """The images, uint8 (N, H, W) or (N, H, W, 3), if they can be grouped into ``n_clusters`` clusters, a
    number or ``auto``.

    Raises:
        InputError: Too few images, too small ones, or all of them the same.
    """
    source = parameters.path
    is_color = raw_images.ndim == 4 and raw_images.shape[3] == 3
    if raw_images.dtype != np.uint8 or not (raw_images.ndim == 3 or is_color):
        raise InputError(
            f"{source}: expected uint8 (N, H, W) or (N, H, W, 3), got {raw_images.dtype} "
            f"{raw_images.shape}"
        )
    if len(raw_images) < 2:
        raise InputError(f"{source}: clustering needs at least 2 images, got {len(raw_images)}")
    if n_clusters != "auto" and len(raw_images) < n_clusters:
        raise InputError(
            f"{source}: {counted(len(raw_images), 'image')} cannot make {n_clusters} clusters; lower "
            "n_clusters"
        )
    height, width = raw_images.shape[1:3]
    if min(height, width) < 4:
        raise InputError(f"{source}: images need at least 4 x 4 pixels, got {height} x {width}")
    if all((block == raw_images[0]).all() for block in _blocks(raw_images)):
        raise InputError(
            f"{source}: {counted(len(raw_images), 'image')}, all the same; there is nothing to cluster"
        )
    constant = sum(
        int((block == block[:, :1, :1]).reshape(len(block), -1).all(1).sum())
        for block in _blocks(raw_images)
    )
    if constant:
        kind = "color" if is_color else "shade of gray"
        logger.warning("%s: %s of one %s only", source, counted(constant, "image"), kind)
    logger.info("%s: %s of %d x %d", source, counted(len(raw_images), "image"), height, width)
    return raw_images


def list_skipped_pictures(skipped_files: pd.DataFrame, images: np.ndarray) -> pd.DataFrame:
    """``path`` and ``reason`` of all files that became no images, known once these are read."""
    return skipped_files


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """The images, some at a time."""
    size = max(1, BLOCK_BYTES * len(images) // images.nbytes)
    return (images[start : start + size] for start in range(0, len(images), size))


def describe_pixels(images: np.ndarray) -> dict:
    """Number, size and pixel statistics of uint8 images (N, H, W) or (N, H, W, 3).

    ``mean`` and ``std`` are those of all values, on the scale 0 to 255; ``black_share`` is the fraction
    of zeros.
    """
    counts = sum(np.bincount(block.ravel(), minlength=256) for block in _blocks(images))
    values = np.arange(256)
    mean = float((counts * values).sum() / images.size)
    variance = float((counts * (values - mean) ** 2).sum() / images.size)
    return {
        "n_images": len(images),
        "height": images.shape[1],
        "width": images.shape[2],
        "channels": 3 if images.ndim == 4 else 1,
        "mean": mean,
        "std": variance**0.5,
        "black_share": float(counts[0] / images.size),
    }


def cluster_pixels(images: np.ndarray, n_clusters: int, seed: int) -> pd.DataFrame:
    """``index`` and ``cluster`` of uint8 images (N, H, W), N rows, found in their pixels alone."""
    from fashion_mocluster.clustering.pixels import pixel_clusters

    labels = pixel_clusters(images, n_clusters, seed)
    return pd.DataFrame({"index": np.arange(len(labels)), "cluster": labels})
