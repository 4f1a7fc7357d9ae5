"""Whether the row chosen without labels is a good one: the criterion beside the accuracy."""

import math

import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.reporting import html
from fashion_mocluster.reporting.methods_report import COMPARISON, Runs
from fashion_mocluster.reporting.seeds import format_mean_std, short
from fashion_mocluster.reporting.style import colors, new_figure

COLUMNS = [
    *("protocol", "seed", "method", "representation"),
    *("information", "acc", "chosen", "own"),
]
# Of fewer rows a rank correlation says nothing.
FEWEST_ROWS = 3


def scored_methods(runs: Runs) -> pd.DataFrame:
    """Every row of every seed whose labels are known and that the criterion judged.

    Returns:
        ``protocol, seed, method, representation, information`` (nats), ``acc, chosen`` (bool) and
        ``own`` (bool): whether the row is of the representation whose neighbors were asked.
    """
    rows = []
    for run in runs:
        best, table = run["values"].get("best_method", {}), run["tables"].get(COMPARISON)
        if table is None or "acc" not in table:
            continue
        rows += [
            {
                "protocol": run["protocol"],
                "seed": run["seed"],
                "method": row.method,
                "representation": row.representation,
                "information": best["neighbor_information"][row.method],
                "acc": row.acc,
                "chosen": row.method == best["method"],
                "own": row.representation == best["representation"],
            }
            for row in table.itertuples()
            if row.method in best.get("neighbor_information", {})
        ]
    return pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["information", "acc"])


def rank_correlations(judged: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of the criterion with ACC over the rows of each run.

    Returns:
        ``protocol, seed, all, others`` (without the rows of the representation whose neighbors were
        asked), ``acc`` of the chosen row and ``best``, the highest there is. NaN where there are too
        few rows.
    """
    found = [
        {
            "protocol": protocol,
            "seed": seed,
            "all": _spearman(rows),
            "others": _spearman(rows[~rows["own"]]),
            "acc": rows.loc[rows["chosen"], "acc"].mean(),
            "best": rows["acc"].max(),
        }
        for (protocol, seed), rows in judged.groupby(["protocol", "seed"], sort=False)
    ]
    return pd.DataFrame(found, columns=["protocol", "seed", "all", "others", "acc", "best"])


def _spearman(rows: pd.DataFrame) -> float:
    if len(rows) < FEWEST_ROWS:
        return math.nan
    return rows["information"].corr(rows["acc"], method="spearman")


def selection_table(runs: Runs) -> html.Html | None:
    """Of each protocol the rank correlations, and the row chosen beside the best; None without any."""
    correlations = rank_correlations(scored_methods(runs))
    rows = [
        [
            html.words(protocol),
            *(_range(of_seeds[kind]) for kind in ("all", "others")),
            *(
                format_mean_std(of_seeds[kind].mean(), of_seeds[kind].std())
                for kind in ("acc", "best")
            ),
            len(of_seeds),
        ]
        for protocol, of_seeds in correlations.groupby("protocol", sort=False)
    ]
    header = [
        "protocol",
        "rank correlation",
        "... over rows of other encoders",
        "ACC of the chosen row",
        "best ACC",
        "seeds",
    ]
    return html.table(header, rows) if rows else None


def _range(values: pd.Series) -> str:
    """Mean, and the smallest and largest of the seeds."""
    known = values.dropna()
    if known.empty:
        return ""
    low, mean, high = (short(v, 2) for v in (known.min(), known.mean(), known.max()))
    return mean if len(known) == 1 else f"{mean} ({low} to {high})"


def selection_figure(runs: Runs) -> Figure | None:
    """A panel per protocol, a mark per row and seed, colored by representation; None without any."""
    judged = scored_methods(runs)
    if judged.empty:
        return None
    protocols = list(dict.fromkeys(judged["protocol"]))
    spaces = list(dict.fromkeys(judged["representation"]))
    color = dict(zip(spaces, colors(len(spaces)), strict=True))
    figure = new_figure(4.6 * len(protocols) + 2.6, 4.4)
    panels = figure.subplots(1, len(protocols), squeeze=False, sharey=True)[0]
    for axes, protocol in zip(panels, protocols, strict=True):
        of_protocol = judged[judged["protocol"] == protocol]
        for space, rows in of_protocol.groupby("representation", sort=False):
            axes.scatter(rows["information"], rows["acc"], color=color[space], s=26)
        chosen = of_protocol[of_protocol["chosen"]]
        axes.scatter(
            chosen["information"], chosen["acc"], s=90, facecolors="none", edgecolors="black"
        )
        axes.set_title(protocol)
        axes.set_xlabel("neighbor information in nats (no labels seen)")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("ACC")
    for space in spaces:
        panels[0].scatter([], [], color=color[space], s=26, label=space.replace("_", " "))
    panels[0].scatter([], [], s=90, facecolors="none", edgecolors="black", label="chosen")
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    figure.suptitle("The criterion that chooses a row, beside the accuracy it cannot see")
    return figure
