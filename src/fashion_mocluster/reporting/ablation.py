"""The ablation's table, its figure and what it says about the thesis's claims.

``runs`` are the ablation tables of all runs, with the columns ``recipe`` and ``seed``; ``published`` is
the thesis's table 2, by case.
"""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import ttest_1samp

from fashion_mocluster.reporting.seeds import (
    format_mean_std,
    format_number,
    over_seeds,
    printed_means,
)
from fashion_mocluster.reporting.style import SERIES, legend_below, mark_published, new_figure

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
SWITCHES = {"residual": "ResConn", "mlp": "MLP", "advanced_augmentation": "aug+", "cosine": "cos"}
SCORES = {"nmi": "NMI", "ari": "ARI", "acc": "ACC", "silhouette": "Silhouette"}


def ablation_table(scores: list[dict]) -> pd.DataFrame:
    """One line per case, in order."""
    return pd.DataFrame(scores).reindex(columns=COLUMNS).sort_values("case", ignore_index=True)


def scores_table(runs: pd.DataFrame, published: dict[str, dict]) -> pd.DataFrame:
    """What each case consists of, and its scores in the thesis and in every recipe, as text."""
    if runs.empty:
        return runs
    about = runs.drop_duplicates("case").set_index("case").sort_index()
    components = about[list(SWITCHES)].replace({True: "✓", False: ""}).rename(columns=SWITCHES)
    components["size"] = about["size"].astype(str)
    means = over_seeds(runs, ["case", "recipe"])
    ours = printed_means(means, SCORES).reset_index().rename(columns={"recipe": "results of"})
    ours["epochs"] = means["epochs"]["mean"].map("{:.0f}".format).to_list()
    theirs = pd.DataFrame({case: published.get(case) or {} for case in about.index}).T
    theirs = theirs.reindex(columns=list(SCORES)).astype(float).map(format_number)
    theirs = theirs.rename(columns=SCORES).rename_axis("case").reset_index()
    table = pd.concat([theirs.assign(**{"results of": "the thesis"}), ours])
    table = table.join(components, on="case").sort_values("case", kind="stable")
    return table[["case", *components, "results of", "epochs", *SCORES.values(), "seeds"]]


def claims_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Whether each claim of the thesis holds: NMI and ARI of neighboring cases, paired by seed.

    One-sided paired t-test: ``holds`` below p = 0.05, ``contradicted`` above 0.95, else
    ``not shown``; a single seed gives no confidence. Cases without labels, which have neither
    score, claim nothing.
    """
    lines = []
    for (one, other), (claim, sign) in CLAIMS.items():
        for recipe, cases in runs.groupby("recipe", sort=False) if len(runs) else ():
            scores = {c: t.set_index("seed")[["nmi", "ari"]] for c, t in cases.groupby("case")}
            if not {one, other} <= scores.keys():
                continue
            gained = (scores[other] - scores[one]).dropna()
            if gained.empty:
                continue
            line = {"claim": claim, "cases": f"{one} to {other}", "recipe": recipe}
            for score in ("nmi", "ari"):
                mean_std = gained[score].mean(), gained[score].std()
                line[f"{score.upper()} gained"] = format_mean_std(*mean_std)
                line[f"by {score.upper()}"] = _verdict(sign * gained[score].to_numpy())
            lines.append(line | {"seeds": str(len(gained))})
    return pd.DataFrame(lines)


def _verdict(gains: np.ndarray) -> str:
    p = _p_value(gains)
    if math.isnan(p):
        return "one seed, no confidence"
    verdict = "holds" if p < 0.05 else "contradicted" if p > 0.95 else "not shown"
    return f"{verdict} ({'p < 0.01' if p < 0.01 else f'p = {p:.2f}'})"


def _p_value(gains: np.ndarray) -> float:
    """That gains are no larger than 0 on average; NaN for a single one."""
    if len(gains) < 2:
        return math.nan
    if np.ptp(gains) == 0:
        # The limit of the test for ever smaller spread; scipy warns, and has none for zeros.
        return 0.5 - 0.5 * float(np.sign(gains[0]))
    return float(ttest_1samp(gains, 0, alternative="greater").pvalue)


def ablation_figure(runs: pd.DataFrame, published: dict[str, dict]) -> Figure:
    """Each score that any case has, by case: mean and standard deviation over the seeds of each
    recipe, beside the thesis's table 2; under the cases the epochs really run.
    """
    means, recipes = over_seeds(runs, ["recipe", "case"]), runs["recipe"].unique()
    epochs = runs.groupby("case")["epochs"].unique()
    scores = {score: title for score, title in SCORES.items() if runs[score].notna().any()}
    figure = new_figure(max(3.4 * len(scores), 5.5), 3.8)
    panels = figure.subplots(1, max(1, len(scores)), squeeze=False)[0]
    width = 0.7 / len(recipes)
    for axes, (score, title) in zip(panels, scores.items(), strict=False):
        for i, recipe in enumerate(recipes):
            values = means.loc[recipe, score].reindex(epochs.index)
            axes.bar(
                np.arange(len(epochs)) + (i - (len(recipes) - 1) / 2) * width,
                values["mean"],
                yerr=values["std"],
                width=width,
                color=SERIES[i % len(SERIES)],
                capsize=2,
                label=recipe,
            )
        mark_published(axes, [(published.get(case) or {}).get(score) for case in epochs.index])
        labels = [f"{case}\n{'/'.join(map(str, sorted(n)))}" for case, n in epochs.items()]
        axes.set_xticks(range(len(labels)), labels)
        axes.set_xlabel("Case, and its number of epochs")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
    legend_below(figure, columns=3)
    figure.suptitle("Ablation: k-means on embeddings")
    return figure
