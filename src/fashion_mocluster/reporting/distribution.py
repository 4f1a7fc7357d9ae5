"""Which classes lie in which cluster."""

import math
from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from fashion_mocluster.reporting.seeds import format_number
from fashion_mocluster.reporting.style import (
    HEAT,
    OURS,
    THEIRS,
    cluster_name,
    framed_axes,
    text_width,
)

COLUMNS = ["Cluster_ID", "Label_ID", "Label_Name", "Count", "Frequency", "Cluster_Total"]
DOMINANT = 0.5
# A class with this share of a cluster, but not more than half, is confused with the others.
CONFUSED = 0.2
# Clusters, and classes, that a figure or a table of both can show.
MOST_GROUPS = 50
# Inches that the names of the classes get at most.
NAMES_AT_MOST = 3.0


def distribution_table(clusters: pd.DataFrame, class_names: list[str] | None) -> pd.DataFrame:
    """One line per cluster and class that occurs in it; no lines where labels are not known.

    Args:
        clusters: Columns ``cluster`` and, where known, ``label``.
        class_names: Names of labels 0, 1, ..., if any; a label beyond them is called by its number.
    """
    if "label" not in clusters:
        return pd.DataFrame(columns=COLUMNS)
    counts = clusters.groupby(["cluster", "label"]).size()
    totals = counts.groupby("cluster").transform("sum")
    labels = counts.index.get_level_values("label")
    named = dict(enumerate(class_names or []))
    return pd.DataFrame(
        {
            "Cluster_ID": counts.index.get_level_values("cluster"),
            "Label_ID": labels,
            "Label_Name": [named.get(label, str(label)) for label in labels],
            "Count": counts.to_numpy(),
            "Frequency": (counts / totals).to_numpy(),
            "Cluster_Total": totals.to_numpy(),
        }
    )


def contingency(
    distribution: pd.DataFrame, clusters: Collection[int] | None = None
) -> pd.DataFrame:
    """Counts by cluster, those given or those that occur, and by (Label_ID, Label_Name) (columns)."""
    keys = ["Cluster_ID", "Label_ID", "Label_Name"]
    counts = distribution.set_index(keys)["Count"].unstack(keys[1:], fill_value=0)
    counts = counts.sort_index(axis=1)
    return counts.reindex(counts.index if clusters is None else clusters, fill_value=0)


def class_table(distribution: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 3 to 5 of the thesis: the share of each class in each cluster as text, and the thesis's
    marks as CSS classes: ``dominant`` (more than half of the cluster), ``confused`` (a fifth or
    more, not dominant) or none.
    """
    counts = contingency(distribution)
    shares = counts.div(counts.sum(axis=1), axis=0)
    cluster, *shares.columns = _unique(["cluster", *shares.columns.get_level_values("Label_Name")])
    text = shares.map(lambda share: format_number(share) if share else "")
    marks = shares.map(
        lambda share: "dominant" if share > DOMINANT else "confused" if share >= CONFUSED else ""
    )
    text.insert(0, cluster, text.index.astype(str))
    marks.insert(0, cluster, "")
    return text, marks


def _unique(names: list[str]) -> list[str]:
    """Repeated names with the number of their place after them."""
    repeats = Counter(names)
    return [f"{name} ({i})" if repeats[name] > 1 else name for i, name in enumerate(names)]


def distribution_figure(counts: pd.DataFrame, title: str) -> Figure:
    """A bar chart per cluster of a contingency table; a class that makes up more than half is dark."""
    columns = min(5, len(counts))
    rows = math.ceil(len(counts) / columns)
    names = counts.columns.get_level_values("Label_Name")
    count = len(names)
    share = counts.to_numpy() / np.maximum(1, counts.sum(axis=1).to_numpy())[:, None]
    # All panels are in one axes: ten of them would take several times as long as what is in them.
    row, column = np.divmod(np.arange(len(counts)), columns)
    x, y = 1.11 * column, (count + 2.2) * row
    left = min(text_width(names, 7), NAMES_AT_MOST) + 0.15
    size = max(2.7 * columns, 8), 0.24 * count * rows + 0.5 * rows + 0.7
    title = f"{title}: share of each class (dark: more than half)"
    figure, axes = framed_axes(title, *size, (left, 0.15, 0.2, 0.35))
    # At numbers, not at names: two classes of the same name would share a bar.
    places = y[:, None] + np.arange(count)
    colors = np.where(share > DOMINANT, OURS, THEIRS).ravel()
    # As objects of their own they would take more than a third of the time of the figure.
    bars = _rectangles(x[:, None], places - 0.4, share, 0.8)
    axes.add_collection(PolyCollection(bars, facecolors=colors))
    frames = _rectangles(x, y - 0.6, 1, count + 0.2)
    axes.add_collection(PolyCollection(frames, facecolor="none", edgecolor="black", linewidth=0.8))
    for i, (cluster, total) in enumerate(counts.sum(axis=1).items()):
        heading = f"Cluster {cluster_name(cluster)} ({total:,})"
        axes.text(x[i] + 0.5, y[i] - 0.8, heading, ha="center", va="bottom", fontsize=9)
        if i + columns >= len(counts):  # the lowest of its column
            for value in (0, 0.5, 1):
                below = x[i] + value, y[i] + count - 0.2
                axes.text(*below, f"{value:g}", ha="center", va="top", fontsize=7)
    for place, name in zip(places[column == 0].ravel(), [*names] * rows, strict=True):
        axes.text(-0.03, place, name, ha="right", va="center", fontsize=7)
    limits = {"xlim": (0, 1.11 * columns - 0.11), "ylim": (places.max() + 1.8, -2)}
    axes.set(**limits, xticks=[], yticks=[], frame_on=False)
    figure.supxlabel("Share of the cluster", fontsize=9, y=0.06 / size[1])
    return figure


def _rectangles(
    x: np.ndarray, y: np.ndarray, width: np.ndarray | float, height: float
) -> np.ndarray:
    """Corners (N, 4, 2) of rectangles that begin at ``x`` and ``y``; arrays of like shapes."""
    x, y, right, above = np.broadcast_arrays(x, y, x + width, y + height)
    return np.stack([x, y, right, y, right, above, x, above], axis=-1).reshape(-1, 4, 2)


def cluster_size_figure(
    clusters: np.ndarray, title: str, known: Collection[int] | None = None
) -> Figure:
    """Number of images in each cluster: all that can be said without labels.

    Args:
        clusters: int (N,).
        known: The clusters shown, where some may be empty; None for those that occur.
    """
    sizes = pd.Series(clusters).value_counts().sort_index()
    sizes = sizes.reindex(sizes.index if known is None else known, fill_value=0)
    figure, axes = framed_axes(f"{title}: images per cluster", 7, 3.4, (0.8, 0.15, 0.55, 0.4))
    axes.bar([cluster_name(cluster) for cluster in sizes.index], sizes, color=OURS)
    axes.set_xlabel("Cluster")
    axes.set_ylabel("Images")
    return figure


def confusion_figure(counts: pd.DataFrame, order: np.ndarray, title: str) -> Figure:
    """Classes against clusters, each cluster under the class it is matched to.

    Args:
        counts: As :func:`contingency` makes it.
        order: Rows of ``counts`` in the order of the columns of the figure.
    """
    counts = counts.iloc[order].T
    share = counts / np.maximum(1, counts.sum(axis=1).to_numpy())[:, None]
    names = counts.index.get_level_values("Label_Name")
    left = min(text_width(names, 10), NAMES_AT_MOST) + 0.5
    size = max(left + 1.8 + 0.62 * counts.shape[1], 7), 1.6 + 0.5 * counts.shape[0]
    figure, axes = framed_axes(title, *size, (left, 1.3, 0.6, 0.4))
    image = axes.imshow(share, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    shades = np.where(share > 0.6, "black", "white")
    for (row, column), count in np.ndenumerate(counts.to_numpy()):
        if count:
            shade = shades[row, column]
            axes.text(column, row, count, ha="center", va="center", color=shade, fontsize=7)
    axes.set_xticks(range(len(order)), [cluster_name(cluster) for cluster in counts.columns])
    axes.set_yticks(range(len(counts)), names)
    axes.set_xlabel("Cluster, matched to the classes by the Hungarian method")
    axes.set_ylabel("True class")
    beside = 1 - 1.1 / size[0], 0.6 / size[1], 0.2 / size[0], 1 - 1 / size[1]
    figure.colorbar(image, cax=figure.add_axes(beside), label="Share of the class")
    return figure
