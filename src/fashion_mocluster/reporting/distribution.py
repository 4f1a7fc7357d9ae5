"""Which classes lie in which cluster."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

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


def contingency(distribution: pd.DataFrame) -> pd.DataFrame:
    """Counts by cluster (rows) and by (Label_ID, Label_Name) (columns) of a distribution table."""
    return distribution.pivot_table(
        index="Cluster_ID",
        columns=["Label_ID", "Label_Name"],
        values="Count",
        aggfunc="sum",
        fill_value=0,
    ).astype(int)


def class_shares(distribution: pd.DataFrame) -> pd.DataFrame:
    """Tables 3 to 5 of the thesis: the share of each class in each cluster.

    Returns:
        Float (clusters, classes), clusters as index, columns (Label_ID, Label_Name).
    """
    counts = contingency(distribution)
    return counts.div(counts.sum(axis=1), axis=0)


def mark_share(share: float) -> str:
    """The thesis's mark: ``dominant`` (more than half of the cluster), ``confused`` (a fifth or
    more, not dominant) or none.
    """
    return "dominant" if share > DOMINANT else "confused" if share >= CONFUSED else ""


def distribution_figure(table: np.ndarray, names: list[str], title: str) -> Figure:
    """A bar chart per cluster; a class that makes up more than half of it is dark.

    Args:
        table: Counts (n_clusters, n_classes).
    """
    columns = 5 if len(table) > 4 else len(table)
    rows = math.ceil(len(table) / columns)
    figure = new_figure(max(2.7 * columns, 8), 0.24 * len(names) * rows + 0.9 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.ravel()[len(table) :]:
        axes.axis("off")
    for cluster, (axes, counts) in enumerate(zip(panels.ravel(), table, strict=False)):
        share = counts / max(1, counts.sum())
        # At numbers, not at names: two classes of the same name would share a bar.
        axes.barh(range(len(names)), share, color=[OURS if s > DOMINANT else THEIRS for s in share])
        axes.set_title(f"Cluster {cluster} ({counts.sum():,})", fontsize=9)
        axes.set_xlim(0, 1)
        axes.tick_params(labelsize=7)
    panels[0, 0].set_yticks(range(len(names)), names)
    panels[0, 0].invert_yaxis()
    figure.suptitle(f"{title}: share of each class (dark: more than half)")
    figure.supxlabel("Share of the cluster", fontsize=9)
    return figure


def cluster_size_figure(clusters: np.ndarray, title: str) -> Figure:
    """Number of images in each cluster: all that can be said without labels."""
    numbers = range(min(0, clusters.min()), clusters.max() + 1)
    sizes = np.bincount(clusters - numbers[0])
    figure = new_figure(7, 3.4)
    axes = figure.subplots()
    axes.bar([cluster_name(c) for c in numbers], sizes, color=OURS)
    axes.set_xlabel("Cluster")
    axes.set_ylabel("Images")
    axes.set_title(f"{title}: images per cluster")
    return figure


def confusion_figure(table: np.ndarray, order: np.ndarray, names: list[str], title: str) -> Figure:
    """Classes against clusters, each cluster under the class it is matched to.

    Args:
        table: Counts (n_clusters, n_classes).
        order: Clusters in the order of their columns.
    """
    counts = table[order].T
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    figure = new_figure(max(2.8 + 0.62 * counts.shape[1], 7), 1.6 + 0.5 * counts.shape[0])
    axes = figure.subplots()
    image = axes.imshow(share, cmap=HEAT, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        shade = "black" if share[row, column] > 0.6 else "white"
        axes.text(column, row, count, ha="center", va="center", color=shade, fontsize=7)
    axes.set_xticks(range(len(order)), [str(c) for c in order])
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("Cluster, matched to the classes by the Hungarian method")
    axes.set_ylabel("True class")
    axes.set_title(title)
    figure.colorbar(image, ax=axes, label="Share of the class")
    return figure
