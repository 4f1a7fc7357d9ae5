"""The effect of each bug in the published scripts, and of all of them, on the scores."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_mocluster.reporting.seeds import over_seeds, printed_means
from fashion_mocluster.reporting.style import SERIES, legend_below, new_figure

SCORES = {"nmi": "NMI", "ari": "ARI", "acc": "ACC"}
# What the column `encoder` of the table names, and how it reads.
ENCODERS = {
    "moco": "k-means on the embeddings of the pretrained encoder",
    "finetuned": "k-means on the embeddings of the finetuned encoder",
}
REFERENCE = "thesis"


def effects(runs: pd.DataFrame) -> pd.DataFrame:
    """Scores of each case less those of the case that corrects nothing, of the same run and encoder:
    mean, standard deviation and number of seeds.

    Indexed by ``case, issue, change, encoder``, in order of issue, all corrections together at the end;
    the reference comes first, with its own scores. ``runs`` have the columns ``recipe`` and ``seed``.
    """
    keys, about = ["encoder", "recipe", "seed"], ["case", "issue", "change", "encoder"]
    reference = runs.loc[runs["case"] == REFERENCE, [*keys, *SCORES]]
    lines = runs.merge(reference, on=keys, suffixes=("", "_of_reference"))
    is_reference = lines["case"] == REFERENCE
    for score in SCORES:
        lines.loc[~is_reference, score] -= lines[f"{score}_of_reference"]
    # Neither the reference, first, nor all corrections together, last, has an issue.
    place = lines["issue"].astype(float).fillna(math.inf).mask(is_reference, -math.inf)
    ordered = lines.iloc[place.argsort(kind="stable")]
    return over_seeds(ordered[[*about, *SCORES]], about)


def effect_table(runs: pd.DataFrame) -> pd.DataFrame:
    """What :func:`effects` finds as text; empty without runs."""
    if runs.empty:
        return runs
    lines = printed_means(effects(runs), SCORES).reset_index()
    lines["issue"] = [("" if pd.isna(issue) else f"{issue:.0f}") for issue in lines["issue"]]
    lines["encoder"] = lines["encoder"].map(ENCODERS)
    return lines.drop(columns="case").rename(columns={"change": "corrected", "encoder": "scored"})


def effect_figure(effect: pd.DataFrame) -> Figure:
    """One panel per score, one pair of bars per case."""
    corrected = effect.drop(index=REFERENCE, level="case").reset_index(["issue", "change"])
    cases = corrected.index.get_level_values("case").unique()
    issues = corrected.groupby("case")["issue"].first()
    names = [case if pd.isna(issues[case]) else f"{issues[case]:.0f} {case}" for case in cases]
    figure = new_figure(13, 0.36 * len(cases) + 1.9)
    panels = figure.subplots(1, len(SCORES), sharey=True)
    place, height = np.arange(len(cases)), 0.38
    for axes, (score, title) in zip(panels, SCORES.items(), strict=True):
        for i, (encoder, label) in enumerate(ENCODERS.items()):
            values = corrected.xs(encoder, level="encoder")[score].reindex(cases)
            axes.barh(
                place + (i - 0.5) * height,
                values["mean"],
                xerr=values["std"],
                height=height,
                color=SERIES[i],
                capsize=2,
                label=label,
            )
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(f"{title} gained")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(place, [name.replace("_", " ") for name in names])
    panels[0].invert_yaxis()
    legend_below(figure)
    figure.suptitle("One bug corrected at a time, starting from the published scripts")
    return figure
