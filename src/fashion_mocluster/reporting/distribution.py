"""Which classes lie in which cluster."""

import math
from collections import Counter
from collections.abc import Collection

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting.seeds import format_number
from fashion_mocluster.reporting.style import HEAT, OURS, THEIRS, cluster_name, new_figure

COLUMNS = ["Cluster_ID", "Label_ID", "Label_Name", "Count", "Frequency", "Cluster_Total"]
DOMINANT = 0.5
# A class with this share of a cluster, but not more than half, is confused with the others.
CONFUSED = 0.2


def distribution_table(clusters: pd.DataFrame, class_names: list[str]) -> pd.DataFrame:
    """One line per cluster and class that occurs in it; no lines where labels are not known.

    Args:
        clusters: Columns ``cluster`` and, where known, ``label``.
        class_names: Names of labels 0, 1, ...; a label beyond them is called by its number.
    """
    if "label" not in clusters:
        return pd.DataFrame(columns=COLUMNS)
    counts = clusters.groupby(["cluster", "label"]).size()
    totals = counts.groupby("cluster").transform("sum")
    labels = counts.index.get_level_values("label")
    named = dict(enumerate(class_names))
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
    """Counts by cluster (rows) and by (Label_ID, Label_Name) (columns) of a distribution table.

    Args:
        clusters: The rows, where some clusters may be empty; None for those that occur.
    """
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
    """A bar chart per cluster; a class that makes up more than half of it is dark.

    Args:
        counts: As :func:`contingency` makes it.
    """
    columns = 5 if len(counts) > 4 else len(counts)
    rows = math.ceil(len(counts) / columns)
    names = counts.columns.get_level_values("Label_Name")
    figure = new_figure(max(2.7 * columns, 8), 0.24 * len(names) * rows + 0.9 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(counts) :]:
        axes.axis("off")
    for i, (axes, (cluster, sizes)) in enumerate(zip(panels, counts.iterrows(), strict=False)):
        share = sizes / max(1, sizes.sum())
        # At numbers, not at names: two classes of the same name would share a bar.
        axes.barh(range(len(names)), share, color=[OURS if s > DOMINANT else THEIRS for s in share])
        axes.set_title(f"Cluster {cluster_name(cluster)} ({sizes.sum():,})", fontsize=9)
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6))
        # Ticks cost more time than bars: only panels at the left and at the bottom have some.
        is_left, is_lowest = i % columns == 0, i + columns >= len(counts)
        axes.set_yticks(range(len(names)), names) if is_left else axes.set_yticks([])
        axes.set_xticks(np.linspace(0, 1, 6) if is_lowest else [])
        axes.tick_params(labelsize=7)
    figure.suptitle(f"{title}: share of each class (dark: more than half)")
    figure.supxlabel("Share of the cluster", fontsize=9)
    return figure


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
    figure = new_figure(7, 3.4)
    axes = figure.subplots()
    axes.bar([cluster_name(cluster) for cluster in sizes.index], sizes, color=OURS)
    axes.set_xlabel("Cluster")
    axes.set_ylabel("Images")
    axes.set_title(f"{title}: images per cluster")
    return figure


def confusion_figure(counts: pd.DataFrame, order: np.ndarray, title: str) -> Figure:
    """Classes against clusters, each cluster under the class it is matched to.

    Args:
        counts: As :func:`contingency` makes it.
        order: Rows of ``counts`` in the order of the columns of the figure.
    """
    counts = counts.iloc[order].T
    share = counts / np.maximum(1, counts.sum(axis=1).to_numpy())[:, None]
    figure = new_figure(max(2.8 + 0.62 * counts.shape[1], 7), 1.6 + 0.5 * counts.shape[0])
    axes = figure.subplots()
    image = axes.imshow(share, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        shade = "black" if share.iloc[row, column] > 0.6 else "white"
        number = axes.text(column, row, count, ha="center", va="center", color=shade, fontsize=7)
        number.set_in_layout(False)  # it lies in a cell; asking each for its size takes long
    axes.set_xticks(range(len(order)), [cluster_name(cluster) for cluster in counts.columns])
    axes.set_yticks(range(len(counts)), counts.index.get_level_values("Label_Name"))
    axes.set_xlabel("Cluster, matched to the classes by the Hungarian method")
    axes.set_ylabel("True class")
    axes.set_title(title)
    figure.colorbar(image, ax=axes, label="Share of the class")
    return figure
