"""What each finding about the published scripts is effect."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fashion_mocluster.reporting.seeds import differences
from fashion_mocluster.reporting.style import PROTOCOLS, new_figure

SCORES = {"nmi": "NMI", "ari": "ARI", "acc": "ACC"}
ROWS = {"moco": "k-means on the pretrained encoder", "finetuned": "... on the finetuned one"}
REFERENCE = "thesis"


def effect_table(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Scores of each case less those of the case that fixes nothing, paired by seed.

    Args:
        tables: The bugfix_ablation table of each seed.

    Returns:
        One row per case and embedding: ``case, finding, change, row, seeds`` and for every score
        its mean and standard deviation over the seeds. Cases are in order of finding, all fixes
        together at the end; the reference itself comes first, with its own scores.
    """
    cases = pd.concat(tables).drop_duplicates("case").set_index("case")[["issue", "change"]]
    # Neither the reference, first, nor all fixes together, last, is a finding.
    place = cases["issue"].astype(float).fillna(math.inf)
    place[cases.index == REFERENCE] = -math.inf
    cases = cases.loc[place.sort_values(kind="stable").index]
    rows = []
    for case, about in cases.iterrows():
        for row in ROWS:
            of_row = [table[table["row"] == row] for table in tables]
            if case == REFERENCE:
                values = pd.concat(of_row).query("case == @case")[list(SCORES)]
            else:
                values = differences(of_row, "case", case, REFERENCE, list(SCORES))
            summary = {"case": case, **about, "row": row, "seeds": len(values)}
            for score in SCORES:
                summary[f"{score}_mean"] = values[score].mean()
                summary[f"{score}_std"] = values[score].std()
            rows.append(summary)
    return pd.DataFrame(rows)


def effect_figure(effect: pd.DataFrame) -> Figure:
    """One panel per score, one pair of bars per fix."""
    fixes = effect[effect["case"] != REFERENCE]
    cases = list(dict.fromkeys(fixes["case"]))
    names = {
        r.case: r.case if pd.isna(r.issue) else f"{int(r.issue)} {r.case}"
        for r in fixes.itertuples()
    }
    figure = new_figure(13, 0.36 * len(cases) + 1.6)
    panels = figure.subplots(1, len(SCORES), sharey=True)
    place, height = np.arange(len(cases)), 0.38
    for axes, (score, title) in zip(panels, SCORES.items(), strict=True):
        for i, (row, label) in enumerate(ROWS.items()):
            values = fixes[fixes["row"] == row].set_index("case").loc[cases]
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
    panels[0].set_yticks(place, [names[c].replace("_", " ") for c in cases])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("One finding put right at a time, from the published protocol")
    return figure
