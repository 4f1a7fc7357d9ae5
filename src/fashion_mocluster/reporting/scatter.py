"""Two-dimensional pictures of embeddings."""

import math

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from fashion_mocluster.reporting.style import colors, framed_axes, text_width

# More points than this only cover each other.
SHOWN = 10_000
LEGEND_LINES = 26
# More names than these do not fit beside each other; they stay where they are.
MOVED_NAMES = 30
# Inches that the names in it get at most.
LEGEND_AT_MOST = 4.0
UNSORTED_COLOR = "#BBBBBB"


def scatter_figure(
    projection: pd.DataFrame,
    groups: np.ndarray,
    names: list[str],
    title: str,
    *,
    last_is_unsorted: bool = False,
) -> Figure:
    """Points colored by group, each group's name at its median and in the legend.

    Args:
        projection: Two columns, named as the axes are.
        groups: int (N,), indices into ``names``.
        last_is_unsorted: Whether the last of ``names`` is that of images in no group, which are gray.
    """
    points = projection.to_numpy()
    shown = np.random.default_rng(0).permutation(len(points))[:SHOWN]
    palette = [*colors(len(names) - last_is_unsorted), UNSORTED_COLOR]
    sizes = np.bincount(groups, minlength=len(names))
    present = np.flatnonzero(sizes)
    lines = [f"{names[g]} ({sizes[g]:,})" for g in present]
    wide = min(text_width(lines, 8), LEGEND_AT_MOST) + 0.45
    legend_columns = math.ceil(len(present) / LEGEND_LINES)
    beside = wide * legend_columns
    figure, axes = framed_axes(title, 6 + beside, 5.4, (0.75, beside + 0.1, 0.55, 0.4))
    # One call in random order: no group lies on top of the others. Octagons, for three pixels are not
    # rounder, and circles take 1.4 times as long.
    colors_shown = to_rgba_array(palette)[groups[shown]]
    axes.scatter(*points[shown].T, s=4, c=colors_shown, marker="8", alpha=0.7, linewidths=0)
    medians = np.array([np.median(points[groups == g], axis=0) for g in present])
    size = np.array([0.17, 0.04]) * np.ptp(points[shown], axis=0)
    low, high = points[shown, 1].min(), points[shown, 1].max()
    places = spread_out(medians, size) if len(medians) <= MOVED_NAMES else medians
    # With too many names for the axes some lie outside; the legend has them all.
    inside = (low <= places[:, 1]) & (places[:, 1] <= high)
    axes.add_collection(
        LineCollection(np.stack([medians, places], 1)[inside], colors="black", linewidths=0.8)
    )
    for g, place in zip(present[inside], places[inside], strict=True):
        axes.text(
            *place,
            names[g],
            ha="center",
            va="center",
            fontsize=8,
            weight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )
    axes.set_xlabel(projection.columns[0])
    axes.set_ylabel(projection.columns[1])
    axes.locator_params(nbins=6)
    # Beside the axes, in as many columns as their height needs.
    dots = [Line2D([], [], marker="o", linestyle="none", color=palette[g]) for g in present]
    axes.legend(
        dots,
        lines,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        ncols=legend_columns,
        frameon=False,
        fontsize=8,
    )
    return figure


def spread_out(places: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Places (N, 2) moved apart vertically until boxes of ``size`` (2,) around them do not overlap."""
    places = places.astype(float).copy()
    for _ in range(500):
        moved = False
        order = np.argsort(places[:, 1], kind="stable")
        for i, low in enumerate(order):
            for high in order[i + 1 :]:
                gap = places[high] - places[low]
                if abs(gap[0]) < size[0] and gap[1] < size[1] - 1e-9 * size[1]:
                    push = (size[1] - gap[1]) / 2
                    places[low, 1] -= push
                    places[high, 1] += push
                    moved = True
        if not moved:
            break
    return places
