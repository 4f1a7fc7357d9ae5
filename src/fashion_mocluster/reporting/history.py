"""Curves over the epochs of a training."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_mocluster.reporting.style import OURS, new_figure


def history_figure(history: pd.DataFrame, title: str, curves: dict[str, str]) -> Figure:
    """A panel per curve, by column its label, over the ``epoch`` of a history with a row for each."""
    figure = new_figure(4.2 * len(curves), 3.4)
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for axes, (column, label) in zip(panels, curves.items(), strict=True):
        axes.plot(history["epoch"], history[column], color=OURS, marker=".", linewidth=1.5)
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    return figure
