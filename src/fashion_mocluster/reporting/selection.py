"""Whether the method chosen without labels is a good one: the criterion beside the accuracy."""

import math

import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting.results import RunResults
from fashion_mocluster.reporting.seeds import format_mean_std, format_metric
from fashion_mocluster.reporting.style import colors, new_figure

COLUMNS = [
    *("protocol", "seed", "method", "representation"),
    *("neighbor_mi", "acc", "chosen", "own"),
]
# Of fewer methods a rank correlation says nothing.
FEWEST_METHODS = 3


def scored_methods(results: list[RunResults]) -> pd.DataFrame:
    """Every method of every seed whose labels are known and that the criterion judged.

    Returns:
        ``protocol, seed, method, representation, neighbor_mi`` (nats), ``acc, chosen`` (bool) and
        ``own`` (bool): whether the method clusters the representation whose neighbors the
        criterion looks at.
    """
    lines = [
        {
            "protocol": run.protocol,
            "seed": run.seed,
            "method": line["method"],
            "representation": line["representation"],
            "neighbor_mi": run.neighbor_mi[line["method"]],
            "acc": line.get("acc", math.nan),
            "chosen": line["method"] == run.best_method,
            "own": line["representation"] == run.criterion_representation,
        }
        for run in results
        for line in run.comparison.to_dict("records")
        if line["method"] in run.neighbor_mi
    ]
    return pd.DataFrame(lines, columns=COLUMNS).dropna(subset=["neighbor_mi", "acc"])


def rank_correlations(scored: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of the criterion with ACC over the methods of each run.

    Returns:
        ``protocol, seed, all, others`` (without the methods of the criterion's own
        representation), ``acc`` of the chosen method and ``best``, the highest there is. NaN where
        there are too few methods.
    """
    runs = scored.groupby(["protocol", "seed"], sort=False)
    lines = [
        [
            *run,
            *(_spearman(methods), _spearman(methods[~methods["own"]])),
            *(methods.loc[methods["chosen"], "acc"].mean(), methods["acc"].max()),
        ]
        for run, methods in runs
    ]
    return pd.DataFrame(lines, columns=["protocol", "seed", "all", "others", "acc", "best"])


def _spearman(methods: pd.DataFrame) -> float:
    if len(methods) < FEWEST_METHODS:
        return math.nan
    return methods["neighbor_mi"].corr(methods["acc"], method="spearman")


def selection_table(results: list[RunResults]) -> pd.DataFrame:
    """Of each protocol the rank correlations, and the chosen method's ACC beside the best, as
    text; empty where no labels are known.
    """
    correlations = rank_correlations(scored_methods(results))
    return pd.DataFrame(
        {
            "protocol": protocol,
            "rank correlation": _range(seeds["all"]),
            "without the criterion's own representation": _range(seeds["others"]),
            "ACC of the chosen method": format_mean_std(seeds["acc"].mean(), seeds["acc"].std()),
            "best ACC": format_mean_std(seeds["best"].mean(), seeds["best"].std()),
            "seeds": len(seeds),
        }
        for protocol, seeds in correlations.groupby("protocol", sort=False)
    )


def _range(values: pd.Series) -> str:
    """Mean, and the smallest and largest of the seeds."""
    low, mean, high = (format_metric(v, 2) for v in (values.min(), values.mean(), values.max()))
    return f"{mean} ({low} to {high})" if values.count() > 1 else mean


def selection_figure(results: list[RunResults]) -> Figure | None:
    """A panel per protocol, a point per method and seed, colored by representation, the chosen
    ones with a ring; None where no labels are known.
    """
    scored = scored_methods(results)
    if scored.empty:
        return None
    protocols = list(dict.fromkeys(scored["protocol"]))
    representations = list(dict.fromkeys(scored["representation"]))
    color = dict(zip(representations, colors(len(representations)), strict=True))
    figure = new_figure(4.6 * len(protocols) + 2.6, 4.4)
    panels = figure.subplots(1, len(protocols), squeeze=False, sharey=True)[0]
    for axes, protocol in zip(panels, protocols, strict=True):
        methods = scored[scored["protocol"] == protocol]
        axes.scatter(
            methods["neighbor_mi"],
            methods["acc"],
            c=[color[name] for name in methods["representation"]],
            s=26,
        )
        chosen = methods[methods["chosen"]]
        axes.scatter(
            chosen["neighbor_mi"], chosen["acc"], s=90, facecolors="none", edgecolors="black"
        )
        axes.set_title(protocol, fontsize=10)
        axes.set_xlabel("neighbor_mi in nats (no labels seen)")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("ACC")
    handles = [panels[0].scatter([], [], color=color[name], s=26) for name in representations]
    ring = panels[0].scatter([], [], s=90, facecolors="none", edgecolors="black")
    # Centered at the side: at the top a long title would run into it.
    figure.legend(
        [*handles, ring],
        [*(name.replace("_", " ") for name in representations), "chosen"],
        loc="outside right center",
        frameon=False,
        fontsize=8,
    )
    figure.suptitle("The criterion beside the accuracy it cannot see")
    return figure
