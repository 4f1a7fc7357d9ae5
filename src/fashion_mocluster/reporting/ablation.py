"""The ablation's table and figure."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting.style import OURS, THEIRS, new_figure

COLUMNS = [
    "case",
    "convnet",
    "residual",
    "mlp",
    "advanced_augmentation",
    "cosine",
    "size",
    "epochs",
    "nmi",
    "ari",
    "acc",
    "silhouette",
]
SCORES = {"nmi": "NMI", "ari": "ARI", "acc": "ACC", "silhouette": "Silhouette"}


def ablation_table(rows: list[dict]) -> pd.DataFrame:
    """One row per case, in order."""
    return pd.DataFrame(rows).reindex(columns=COLUMNS).sort_values("case", ignore_index=True)


def ablation_figure(table: pd.DataFrame, published: dict[str, dict]) -> Figure:
    """Each score by case, beside the thesis's table 2."""
    scores = {c: t for c, t in SCORES.items() if table[c].notna().any()}
    figure = new_figure(3.4 * len(scores), 3.8)
    panels = figure.subplots(1, len(scores), squeeze=False)[0]
    place = np.arange(len(table))
    for axes, (column, title) in zip(panels, scores.items(), strict=True):
        axes.bar(place, table[column], color=OURS, width=0.6, label="this run")
        theirs = [published.get(case, {}).get(column) for case in table["case"]]
        known = [i for i, value in enumerate(theirs) if value is not None]
        axes.scatter(
            known,
            [theirs[i] for i in known],
            marker="D",
            s=32,
            color=THEIRS,
            edgecolor="black",
            zorder=3,
            label="published in the thesis",
        )
        axes.set_xticks(place, table["case"])
        axes.set_xlabel("Case")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    epochs = ", ".join(f"{r.case}: {r.epochs}" for r in table.itertuples())
    figure.suptitle(f"Ablation, k-means on embeddings (epochs {epochs})")
    return figure
