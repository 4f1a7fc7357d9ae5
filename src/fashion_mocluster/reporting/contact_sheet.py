"""Sheets of images."""

import math

import numpy as np
from matplotlib.figure import Figure

from fashion_mocluster.reporting.style import new_figure


def contact_sheet(images: np.ndarray, title: str, columns: int = 16, rows: int = 6) -> Figure:
    """Up to ``columns * rows`` images, evenly spread over the file, as one mosaic.

    Args:
        images: uint8 (N, H, W).
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), columns * rows)).round())
    tiles = images[chosen.astype(int)]
    count, height, width = tiles.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    figure = new_figure(10, 10 * sheet.shape[0] / sheet.shape[1] + 0.5)
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(f"{title}: {count} of {len(images):,}")
    axes.axis("off")
    return figure
