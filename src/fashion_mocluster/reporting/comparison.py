"""The table of all methods, and its figure."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting.style import OURS, THEIRS, new_figure

COLUMNS = [
    "method",
    "representation",
    "clusterer",
    "n_images",
    "acc",
    "nmi",
    "ari",
    "silhouette",
    "dbi",
    "chi",
    "chi_normalized",
    "time_s",
    "memory_mb",
]
# Column, title and direction; the thesis prints log1p(CHI) / 10 as CHI.
SCORES = {
    "acc": "ACC (higher is better)",
    "nmi": "NMI (higher)",
    "ari": "ARI (higher)",
    "silhouette": "Silhouette (higher)",
    "dbi": "DBI (lower)",
    "chi_normalized": "log1p(CHI) / 10 (higher)",
}
PUBLISHED_NAME = {"chi_normalized": "chi"}


def comparison_table(rows: list[dict]) -> pd.DataFrame:
    """One row per method; columns that a row lacks stay empty."""
    return pd.DataFrame(rows).reindex(columns=COLUMNS)


def printed_table(
    table: pd.DataFrame, titles: dict[str, str], information: dict[str, float], best: str
) -> str:
    """The table as text, the best row by neighbor information marked."""
    shown = table.drop(columns=["representation", "clusterer", "chi", "n_images"])
    shown.insert(1, "neighbor_mi", [information[m] for m in table["method"]])
    shown["method"] = [f"{'*' if m == best else ' '} {titles[m]}" for m in table["method"]]
    formats = {c: (lambda v: "" if math.isnan(v) else f"{v:.1f}") for c in ("time_s", "memory_mb")}
    text = shown.to_string(
        index=False,
        na_rep="",
        justify="right",
        formatters={"method": f"{{:<{shown['method'].str.len().max()}}}".format, **formats},
        float_format=lambda v: f"{v:.3f}",
    )
    return (
        f"{text}\n* best without labels: its clusters tell most about those of a point's neighbors "
        "(neighbor_mi, nats)"
    )


def comparison_figure(
    table: pd.DataFrame, titles: dict[str, str], published: dict[str, dict], best: str
) -> Figure:
    """One panel per score, ours as bars and the published value, where there is one, as a mark.

    Scores that no row has are left out.

    Args:
        published: By method, its published scores under the thesis's names.
    """
    scores = {c: t for c, t in SCORES.items() if table[c].notna().any()}
    names = [titles[m] + (" *" if m == best else "") for m in table["method"]]
    rows = math.ceil(len(scores) / 3)
    figure = new_figure(13, rows * (0.34 * len(table) + 0.8) + 0.7)
    panels = figure.subplots(rows, 3, squeeze=False, sharey=True)
    for axes in panels.ravel()[len(scores) :]:
        axes.axis("off")
    height = np.arange(len(table))
    for axes, (column, title) in zip(panels.ravel(), scores.items(), strict=False):
        bars = axes.barh(height, table[column], color=OURS, height=0.6, label="this run")
        theirs = [
            published.get(m, {}).get(PUBLISHED_NAME.get(column, column)) for m in table["method"]
        ]
        known = [i for i, value in enumerate(theirs) if value is not None]
        axes.scatter(
            [theirs[i] for i in known],
            known,
            marker="D",
            s=32,
            color=THEIRS,
            edgecolor="black",
            zorder=3,
            label="published in the thesis",
        )
        # At the foot of the bar no mark of a published value covers the number.
        for bar, value in zip(bars, table[column], strict=True):
            axes.annotate(
                "" if math.isnan(value) else f"{value:.3f}",
                (0, bar.get_y() + bar.get_height() / 2),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color="white" if value > 0 else "black",
                fontsize=8,
            )
        axes.set_title(title, fontsize=10)
        axes.set_xlim(right=1.05 * max(np.nanmax(table[column]), *(theirs[i] for i in known), 0))
        axes.grid(axis="x", alpha=0.3)
    panels[0, 0].set_yticks(height, names)
    panels[0, 0].invert_yaxis()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("Clustering methods compared (* best without labels)")
    return figure
