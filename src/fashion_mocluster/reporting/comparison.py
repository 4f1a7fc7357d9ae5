"""The table of all methods, and its figure."""

import math
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from fashion_mocluster.reporting.style import OURS, legend_below, mark_published, new_figure

COLUMNS = [
    *("method", "representation", "clusterer", "n_images", "acc", "nmi", "ari"),
    *("silhouette", "dbi", "chi", "chi_normalized", "time_s", "memory_mb"),
]
# Column, title and direction; the thesis prints log1p(CHI) / 10 as CHI.
SCORES = {
    "neighbor_mi": "neighbor_mi (higher; chooses *)",
    "acc": "ACC (higher is better)",
    "nmi": "NMI (higher)",
    "ari": "ARI (higher)",
    "silhouette": "Silhouette (higher)",
    "dbi": "DBI (lower)",
    "chi_normalized": "log1p(CHI) / 10 (higher)",
}
THESIS_NAMES = {"chi_normalized": "chi"}


def comparison_table(rows: list[dict]) -> pd.DataFrame:
    """One line per method; columns that a method lacks stay empty."""
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def printed_table(
    table: pd.DataFrame,
    titles: dict[str, str],
    neighbor_mi: dict[str, float],
    best: str,
    equal_sizes: Collection[str] = (),
    standard_errors: dict[str, float] | None = None,
) -> str:
    """The table as text; the best method by ``neighbor_mi`` (nats) has a star. Silhouettes that are means
    over samples have a standard error, for another line.
    """
    shown = table.drop(columns=["representation", "clusterer", "chi", "n_images"])
    shown = shown.dropna(axis="columns", how="all")  # without labels some scores are not known
    shown.insert(1, "neighbor_mi", [neighbor_mi[m] for m in table["method"]])
    shown["method"] = [f"{'*' if m == best else ' '} {titles[m]}" for m in table["method"]]
    formats = {c: (lambda v: "" if math.isnan(v) else f"{v:.1f}") for c in ("time_s", "memory_mb")}
    text = shown.to_string(
        index=False,
        na_rep="",
        justify="right",
        formatters={"method": f"{{:<{shown['method'].str.len().max()}}}".format, **formats},
        float_format=lambda v: f"{v:.3f}",
    )
    assuming = ", ".join(titles[method] for method in table["method"] if method in equal_sizes)
    note = f"\nassume clusters of equal size: {assuming}" if assuming else ""
    if standard_errors:
        errors = ", ".join(f"{titles[method]} {se:.4f}" for method, se in standard_errors.items())
        note += f"\nsilhouette of a random sample of the images, standard error: {errors}"
    return (
        f"{text}{note}\n* best without labels: highest mutual information between the clusters of "
        "neighboring points (neighbor_mi, in nats)"
    )


def comparison_figure(
    table: pd.DataFrame, titles: dict[str, str], published: dict[str, dict], best: dict[str, Any]
) -> Figure:
    """One panel per score, ours as bars and the published value, where there is one, as a mark.

    Scores that no method has are left out.

    Args:
        published: By method, its scores in the thesis, under the thesis's names.
        best: ``best_method.json``: the ``method`` whose title gets a star, and ``neighbor_mi``.
    """
    table = table.assign(neighbor_mi=table["method"].map(best["neighbor_mi"]))
    scores = {c: t for c, t in SCORES.items() if table[c].notna().any()}
    names = [titles[m] + (" *" if m == best["method"] else "") for m in table["method"]]
    rows = math.ceil(len(scores) / 4)
    figure = new_figure(15, rows * (0.34 * len(table) + 0.8) + 0.7)
    panels = figure.subplots(rows, 4, squeeze=False, sharey=True)
    for axes in panels.ravel()[len(scores) :]:
        axes.axis("off")
    places = np.arange(len(table))
    for axes, (column, title) in zip(panels.ravel(), scores.items(), strict=False):
        axes.barh(places, table[column], color=OURS, height=0.6, label="this run")
        thesis_name = THESIS_NAMES.get(column, column)
        theirs = [published.get(method, {}).get(thesis_name) for method in table["method"]]
        mark_published(axes, theirs, horizontal=True)
        # At the left edge no mark covers the number; its outline keeps it legible where there is no
        # bar behind it.
        for place, value in zip(places, table[column], strict=True):
            axes.annotate(
                "" if math.isnan(value) else f"{value:.3f}",
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color="white",
                fontsize=8,
                path_effects=[withStroke(linewidth=2, foreground=OURS)],
            )
        axes.set_title(title, fontsize=10)
        axes.set_xlim(right=1.05 * max(np.nanmax(table[column]), *(v or 0 for v in theirs)))
        axes.grid(axis="x", alpha=0.3)
    panels[0, 0].set_yticks(places, names)
    panels[0, 0].invert_yaxis()
    legend_below(figure)
    figure.suptitle("Clustering methods compared (* best without labels)")
    return figure
