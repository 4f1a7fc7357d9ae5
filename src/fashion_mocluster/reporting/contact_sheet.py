"""Sheets of images."""

import math

import numpy as np
from matplotlib.figure import Figure

from fashion_mocluster.reporting.style import cluster_name, framed_axes, text_width

# Around images whose class is not the one their cluster is matched to.
FRAME = (204, 51, 51)


def contact_sheet(images: np.ndarray, title: str, columns: int = 16, rows: int = 6) -> Figure:
    """Up to ``columns * rows`` images, uint8 (N, H, W) or (N, H, W, 3), evenly spread, as one mosaic."""
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), columns * rows)).round())
    tiles = images[chosen.astype(int)]
    count, height, width, *channels = tiles.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    size = rows * (height + 1) - 1, columns * (width + 1) - 1
    sheet = np.full((*size, *channels), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    title = f"{title}: {count} of {len(images):,}"
    height = 9.8 * sheet.shape[0] / sheet.shape[1]
    figure, axes = framed_axes(title, 10, height + 0.5, (0.1, 0.1, 0.1, 0.4))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.axis("off")
    return figure


def examples_figure(
    images: np.ndarray,
    examples: dict[int, tuple[np.ndarray, np.ndarray]],
    mismatched: np.ndarray | None,
    title: str,
) -> Figure:
    """Each cluster's most typical images on the left, its hardest on the right.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        examples: By cluster the indices of its images, as ``typical_and_borderline`` finds them.
        mismatched: bool (N,), images of another class than their cluster's, framed in red; None
            without labels.
    """
    height, width = images.shape[1:3]
    columns = max(len(rows) for halves in examples.values() for rows in halves)
    gap, frame = width // 2, 2
    tile_height, tile_width = height + 2 * frame, width + 2 * frame
    sheet = np.full((len(examples) * tile_height, 2 * columns * tile_width + gap, 3), 255, np.uint8)
    for i, halves in enumerate(examples.values()):
        for left, rows in zip((0, columns * tile_width + gap), halves, strict=True):
            for j, row in enumerate(rows):
                tile = sheet[i * tile_height :, left + j * tile_width :][:tile_height, :tile_width]
                if mismatched is not None and mismatched[row]:
                    tile[:] = FRAME
                tile[frame:-frame, frame:-frame] = images[row].reshape(height, width, -1)
    title = title if mismatched is None else f"{title} (red: of another class)"
    left = text_width(map(cluster_name, examples), 10) + 0.5
    below = (9.9 - left) * sheet.shape[0] / sheet.shape[1]
    figure, axes = framed_axes(title, 10, below + 0.75, (left, 0.1, 0.35, 0.4))
    axes.imshow(sheet, interpolation="nearest")
    axes.set_yticks(
        (np.arange(len(examples)) + 0.5) * tile_height, list(map(cluster_name, examples))
    )
    axes.set_ylabel("Cluster")
    half = columns * tile_width
    axes.set_xticks([half / 2, half * 1.5 + gap], ["most typical", "hardest"])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure
