"""The report's table of methods: published, rerun and put right."""

import math
from typing import Any

import pandas as pd

from fashion_mocluster.reporting import html
from fashion_mocluster.reporting.seeds import format_mean_std, over_seeds, short
from fashion_mocluster.representations import encoder_of

# Our column, its title, the thesis's name and whether more is better.
SCORES = {
    "nmi": ("NMI", "nmi", True),
    "ari": ("ARI", "ari", True),
    "acc": ("ACC", "acc", True),
    "silhouette": ("Silhouette", "silhouette", True),
    "dbi": ("DBI", "dbi", False),
    "chi_normalized": ("log1p(CHI)/10", "chi", True),
}
COMPARISON = "clustering_comparison"

Runs = list[dict[str, Any]]


def by_protocol(runs: Runs, table: str) -> dict[str, list[pd.DataFrame]]:
    """The table of each seed, by protocol."""
    found: dict[str, list[pd.DataFrame]] = {}
    for run in runs:
        if table in run["tables"]:
            found.setdefault(run["protocol"], []).append(run["tables"][table])
    return found


def methods_known(runs: Runs) -> dict[str, dict]:
    """Parameters of all methods of all runs by name, those with a published row in its order."""
    known: dict[str, dict] = {}
    for run in runs:
        parameters = run["values"].get("run_info", {}).get("parameters", {})
        known |= parameters.get("evaluation", {}).get("methods", {})
    source = lambda item: (item[1].get("published") or {}).get("source") or "~"  # noqa: E731
    return dict(sorted(known.items(), key=source))


def means_by_protocol(runs: Runs) -> dict[str, pd.DataFrame]:
    """Mean, deviation and number of seeds of every method, by protocol."""
    tables = by_protocol(runs, COMPARISON)
    return {name: over_seeds(of_seeds, ["method"]) for name, of_seeds in tables.items()}


def methods_table(runs: Runs) -> html.Html | None:
    """Each method as published and as every protocol gave it; the best of a protocol in bold."""
    means = means_by_protocol(runs)
    if not means:
        return None
    known = methods_known(runs)
    rows, groups = [], set()
    for method in [*known, *(m for t in means.values() for m in t.index if m not in known)]:
        published = known.get(method, {}).get("published") or {}
        title, begin = known.get(method, {}).get("title", method), len(rows)
        if published:
            values = [short(number(published.get(name))) for _, name, _ in SCORES.values()]
            rows.append([title, html.words("published"), *values, "", ""])
        for protocol, table in means.items():
            if method in table.index:
                cells = [_score_cell(table, method, score) for score in SCORES]
                seeds = int(table.loc[method].xs("count", level=1).max())
                epochs = epochs_of(runs, protocol, method)
                rows.append([title, html.words(protocol), *cells, epochs, seeds])
        if len(rows) > begin:
            groups.add(begin)
            for row in rows[begin + 1 :]:
                row[0] = ""
    header = ["method", "protocol", *(t for t, *_ in SCORES.values()), "epochs", "seeds"]
    return html.table(header, rows, groups)


def _score_cell(table: pd.DataFrame, method: str, score: str) -> Any:
    if score not in table.columns.get_level_values(0):
        return ""
    mean, std, count = table.loc[method, score]
    values, more = table[score]["mean"], SCORES[score][2]
    best = values.max() if more else values.min()
    cell = format_mean_std(mean, std)
    # A seed without this score, for instance one that collapsed, is not part of its mean.
    if cell and count < table.loc[method].xs("count", level=1).max():
        cell += f" ({int(count)})"
    return html.bold(cell) if mean == best and cell else cell


def number(value: Any) -> float:
    """NaN for None."""
    return math.nan if value is None else float(value)


def epochs_of(runs: Runs, protocol: str, method: str) -> str:
    """Epochs really run by the training that a method needs, of all seeds; empty for none."""
    counts = set()
    for run in runs:
        table = run["tables"].get(COMPARISON)
        if run["protocol"] != protocol or table is None:
            continue
        for representation in table.loc[table["method"] == method, "representation"]:
            cost = run["tables"].get(f"training_cost/{encoder_of(representation)}")
            if cost is not None:
                counts.add(len(cost))
    return ", ".join(map(str, sorted(counts)))
