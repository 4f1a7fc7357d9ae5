"""How many clusters: how well each number that was tried fits."""

import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting.style import OURS, THEIRS, new_figure
from fashion_mocluster.wording import counted


def n_clusters_figure(curve: pd.DataFrame, chosen: int) -> Figure:
    """The criterion, higher where it fits, by the ``n_clusters`` that were tried, and what was chosen."""
    (criterion,) = curve.columns.drop("n_clusters")
    figure = new_figure(7, 3.6)
    axes = figure.subplots()
    axes.plot(curve["n_clusters"], curve[criterion], marker="o", markersize=4, color=OURS)
    axes.axvline(chosen, color=THEIRS, zorder=0, linewidth=4)
    axes.set_xlabel("Number of clusters")
    axes.set_ylabel(criterion.replace("_", " "))
    axes.set_title(f"{counted(chosen, 'cluster')}, chosen without labels")
    axes.grid(alpha=0.3)
    return figure
