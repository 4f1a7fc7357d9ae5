"""Two-dimensional pictures of embeddings."""

import math

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from fashion_mocluster.reporting.style import cluster_name, colors, new_figure

# More points than this only cover each other.
SHOWN = 10_000
LEGEND_LINES = 26
UNSORTED_COLOR = "#BBBBBB"


def scatter_figure(
    projection: pd.DataFrame, groups: np.ndarray, names: list[str], title: str
) -> Figure:
    """Points colored by group, each group's name at its median and in the legend.

    Args:
        projection: Two columns, named as the axes are.
        groups: int (N,), indices into ``names``. Gray is for ``unsorted``, which comes last.
    """
    points = projection.to_numpy()
    shown = np.random.default_rng(0).permutation(len(points))[:SHOWN]
    palette = [*colors(len(names) - (cluster_name(-1) in names)), UNSORTED_COLOR]
    present = [g for g in range(len(names)) if (groups == g).any()]
    legend_columns = math.ceil(len(present) / LEGEND_LINES)
    figure = new_figure(5.8 + 1.8 * legend_columns, 5.4)
    axes = figure.subplots()
    # One call in random order: no group lies on top of the others.
    axes.scatter(
        *points[shown].T, s=4, c=to_rgba_array(palette)[groups[shown]], alpha=0.7, linewidths=0
    )
    handles = [axes.scatter([], [], s=30, color=palette[g]) for g in present]
    labels = [f"{names[g]} ({(groups == g).sum():,})" for g in present]
    medians = np.array([np.median(points[groups == g], axis=0) for g in present])
    size = np.array([0.17, 0.04]) * np.ptp(points[shown], axis=0)
    low, high = points[shown, 1].min(), points[shown, 1].max()
    for g, median, place in zip(present, medians, spread_out(medians, size), strict=True):
        if not low <= place[1] <= high:
            continue  # Too many names for the axes; the legend has them all.
        axes.annotate(
            names[g],
            median,
            place,
            ha="center",
            va="center",
            fontsize=8,
            weight="bold",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            arrowprops={"arrowstyle": "-", "linewidth": 0.8},
        )
    axes.set_xlabel(projection.columns[0])
    axes.set_ylabel(projection.columns[1])
    figure.suptitle(title)
    # Beside the axes, in as many columns as their height needs.
    axes.legend(
        handles,
        labels,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        ncols=legend_columns,
        frameon=False,
        fontsize=8,
    )
    return figure


def spread_out(places: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Places (N, 2) moved apart vertically until boxes of ``size`` (2,) around them are free of
    each other.
    """
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
