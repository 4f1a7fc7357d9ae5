"""The ablation's table, its figure and what it says about the thesis's claims."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from fashion_mocluster.reporting.seeds import differences, format_p, over_seeds, short
from fashion_mocluster.reporting.style import OURS, PROTOCOLS, THEIRS, new_figure

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
# What the thesis claims of neighboring cases, and the sign the difference should have.
CLAIMS = {
    ("a", "b"): ("residual connections help", 1),
    ("b", "c"): ("the projection head helps", 1),
    ("c", "d"): ("advanced augmentation helps", 1),
    ("d", "e"): ("the cosine schedule helps", 1),
    ("e", "f"): ("bigger is slightly worse", -1),
    ("f", "g"): ("longer is best", 1),
}
# The thesis's names of what the cases differ by.
SWITCHES = {
    "residual": "ResConn",
    "mlp": "MLP",
    "advanced_augmentation": "aug+",
    "cosine": "cos",
}
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


def claims_table(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Whether each claim of the thesis holds: NMI and ARI of neighboring cases, paired by seed.

    One-sided paired t-test: ``holds`` below p = .05, ``contradicted`` above .95, else ``not shown``;
    a single seed gives no confidence. Cases without labels, which have neither score, claim nothing.

    Args:
        tables: The ablation table of each seed.
    """
    rows = []
    for (one, other), (claim, sign) in CLAIMS.items():
        paired = differences(tables, "case", other, one, ["nmi", "ari"]).dropna()
        if paired.empty:
            continue
        row = {"claim": claim, "cases": f"{one} to {other}", "seeds": len(paired)}
        for score in ("nmi", "ari"):
            p = _p_value(sign * paired[score].to_numpy())
            row |= {
                f"{score}_mean": paired[score].mean(),
                f"{score}_std": paired[score].std(),
                f"{score}_p": p,
                f"{score}_verdict": _verdict(p),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _p_value(gains: np.ndarray) -> float:
    """That gains are no larger than 0 on average; NaN for a single one."""
    if len(gains) < 2:
        return math.nan
    if np.ptp(gains) == 0:
        # The limit of the test for ever smaller spread; scipy warns, and has none for zeros.
        return 0.5 - 0.5 * float(np.sign(gains[0]))
    return float(ttest_1samp(gains, 0, alternative="greater").pvalue)


def _verdict(p: float) -> str:
    if math.isnan(p):
        return "one seed, no confidence"
    return "holds" if p < 0.05 else "contradicted" if p > 0.95 else "not shown"


def claims_line(claims: pd.DataFrame) -> str:
    """The claims table in one line, by NMI."""
    parts = [
        f"{r.claim}: {r.nmi_verdict} ({short(r.nmi_mean)} NMI"
        + ("" if math.isnan(r.nmi_p) else f", {format_p(r.nmi_p)}")
        + ")"
        for r in claims.itertuples()
    ]
    return "; ".join(parts)


def seeds_figure(runs: dict[str, list[pd.DataFrame]], published: dict[str, dict]) -> Figure:
    """Each score by case: mean and standard deviation over the seeds of each protocol.

    Args:
        runs: By protocol, the ablation table of each seed.
        published: The thesis's table 2, by case.
    """
    means = {name: over_seeds(tables, ["case"]) for name, tables in runs.items()}
    scores = {c: t for c, t in SCORES.items() if any(c in m for m in means.values())}
    cases = sorted(set().union(*(m.index for m in means.values())))
    figure = new_figure(3.4 * len(scores), 3.8)
    panels = figure.subplots(1, len(scores), squeeze=False)[0]
    width = 0.7 / len(means)
    for axes, (score, title) in zip(panels, scores.items(), strict=True):
        for i, (name, table) in enumerate(means.items()):
            values = table[score].reindex(cases)
            axes.bar(
                np.arange(len(cases)) + (i - (len(means) - 1) / 2) * width,
                values["mean"],
                yerr=values["std"],
                width=width,
                color=PROTOCOLS[i % len(PROTOCOLS)],
                capsize=2,
                label=name,
            )
        theirs = [published.get(case, {}).get(score) for case in cases]
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
        axes.set_xticks(range(len(cases)), cases)
        axes.set_xlabel("Case")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle("Ablation: mean and standard deviation over the seeds")
    return figure
