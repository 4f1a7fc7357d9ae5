"""The ablation's table, its figure and what it says about the thesis's claims."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from fashion_mocluster.reporting.seeds import differences, over_seeds
from fashion_mocluster.reporting.style import PROTOCOLS, legend_below, mark_published, new_figure

COLUMNS = [
    *("case", "convnet", "residual", "mlp", "advanced_augmentation", "cosine", "size"),
    *("epochs", "nmi", "ari", "acc", "silhouette"),
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


def ablation_table(scores: list[dict]) -> pd.DataFrame:
    """One line per case, in order."""
    return pd.DataFrame(scores).reindex(columns=COLUMNS).sort_values("case", ignore_index=True)


def claims_table(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Whether each claim of the thesis holds: NMI and ARI of neighboring cases, paired by seed.

    One-sided paired t-test: ``holds`` below p = 0.05, ``contradicted`` above 0.95, else
    ``not shown``; a single seed gives no confidence. Cases without labels, which have neither
    score, claim nothing.

    Args:
        tables: The ablation table of each seed.
    """
    lines = []
    for (one, other), (claim, sign) in CLAIMS.items():
        paired = differences(tables, "case", other, one, ["nmi", "ari"]).dropna()
        if paired.empty:
            continue
        line = {"claim": claim, "cases": f"{one} to {other}", "seeds": len(paired)}
        for score in ("nmi", "ari"):
            p = _p_value(sign * paired[score].to_numpy())
            line |= {
                f"{score}_mean": paired[score].mean(),
                f"{score}_std": paired[score].std(),
                f"{score}_p": p,
                f"{score}_verdict": _verdict(p),
            }
        lines.append(line)
    return pd.DataFrame(lines)


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


def ablation_figure(runs: dict[str, list[pd.DataFrame]], published: dict[str, dict]) -> Figure:
    """Each score that any case has, by case: mean and standard deviation over the seeds of each
    protocol, beside the thesis's table 2; under the cases the epochs really run.

    Args:
        runs: By protocol, the ablation table of each seed.
        published: The thesis's table 2, by case.
    """
    means = {name: over_seeds(tables, ["case"]) for name, tables in runs.items()}
    every = pd.concat([table for tables in runs.values() for table in tables])
    epochs = every.groupby("case")["epochs"].unique()
    scores = {score: title for score, title in SCORES.items() if every[score].notna().any()}
    figure = new_figure(max(3.4 * len(scores), 5.5), 3.8)
    panels = figure.subplots(1, max(1, len(scores)), squeeze=False)[0]
    width = 0.7 / len(means)
    for axes, (score, title) in zip(panels, scores.items(), strict=False):
        for i, (name, table) in enumerate(means.items()):
            values = table[score].reindex(epochs.index)
            axes.bar(
                np.arange(len(epochs)) + (i - (len(means) - 1) / 2) * width,
                values["mean"],
                yerr=values["std"],
                width=width,
                color=PROTOCOLS[i % len(PROTOCOLS)],
                capsize=2,
                label=name,
            )
        known = {
            place: value
            for place, case in enumerate(epochs.index)
            if (value := (published.get(case) or {}).get(score)) is not None
        }
        mark_published(axes, list(known), list(known.values()))
        labels = [f"{case}\n{'/'.join(map(str, sorted(n)))}" for case, n in epochs.items()]
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlabel("Case, and its number of epochs")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
    legend_below(figure, panels[0], columns=3)
    figure.suptitle("Ablation: k-means on embeddings")
    return figure
