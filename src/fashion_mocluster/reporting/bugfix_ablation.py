"""The effect of each bug in the published scripts, and of all of them, on the scores."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_mocluster.reporting.seeds import differences
from fashion_mocluster.reporting.style import PROTOCOLS, legend_below, new_figure

SCORES = {"nmi": "NMI", "ari": "ARI", "acc": "ACC"}
# What the column `row` of the table names, and how it reads.
ENCODERS = {
    "moco": "k-means on the embeddings of the pretrained encoder",
    "finetuned": "k-means on the embeddings of the finetuned encoder",
}
REFERENCE = "thesis"


def effect_table(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Scores of each case less those of the case that corrects nothing, paired by seed.

    Args:
        tables: The bug-fix ablation's table of each seed.

    Returns:
        One line per case and encoder: ``case, issue, change, row, seeds`` and for every score its
        mean and standard deviation over the seeds. Cases are in order of issue, all corrections
        together at the end; the reference itself comes first, with its own scores.
    """
    cases = pd.concat(tables).drop_duplicates("case").set_index("case")[["issue", "change"]]
    # Neither the reference, first, nor all corrections together, last, has an issue.
    place = cases["issue"].astype(float).fillna(math.inf)
    place[cases.index == REFERENCE] = -math.inf
    cases = cases.loc[place.sort_values(kind="stable").index]
    lines = []
    for case, about in cases.iterrows():
        for encoder in ENCODERS:
            scored = [table[table["encoder"] == encoder] for table in tables]
            if case == REFERENCE:
                values = pd.concat(scored).query("case == @case")[list(SCORES)]
            else:
                values = differences(scored, "case", case, REFERENCE, list(SCORES))
            line = {"case": case, **about, "encoder": encoder, "seeds": len(values)}
            for score in SCORES:
                line[f"{score}_mean"] = values[score].mean()
                line[f"{score}_std"] = values[score].std()
            lines.append(line)
    return pd.DataFrame(lines)


def effect_figure(effect: pd.DataFrame) -> Figure:
    """One panel per score, one pair of bars per case."""
    corrected = effect[effect["case"] != REFERENCE]
    cases = list(dict.fromkeys(corrected["case"]))
    names = {
        line.case: line.case if pd.isna(line.issue) else f"{int(line.issue)} {line.case}"
        for line in corrected.itertuples()
    }
    figure = new_figure(13, 0.36 * len(cases) + 1.9)
    panels = figure.subplots(1, len(SCORES), sharey=True)
    place, height = np.arange(len(cases)), 0.38
    for axes, (score, title) in zip(panels, SCORES.items(), strict=True):
        for i, (encoder, label) in enumerate(ENCODERS.items()):
            values = corrected[corrected["encoder"] == encoder].set_index("case").reindex(cases)
            axes.barh(
                place + (i - 0.5) * height,
                values[f"{score}_mean"],
                xerr=values[f"{score}_std"],
                height=height,
                color=PROTOCOLS[i],
                capsize=2,
                label=label,
            )
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(f"{title} gained")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(place, [names[case].replace("_", " ") for case in cases])
    panels[0].invert_yaxis()
    legend_below(figure, panels[0])
    figure.suptitle("One bug corrected at a time, starting from the published protocol")
    return figure
