"""Which rows beat the published ones and the plain baseline, and which do not."""

import math

import pandas as pd

from fashion_mocluster.reporting import html
from fashion_mocluster.reporting.methods_report import (
    COMPARISON,
    SCORES,
    Runs,
    means_by_protocol,
    methods_known,
    number,
)
from fashion_mocluster.reporting.seeds import short
from fashion_mocluster.representations import encoder_of

# The five of the thesis's table.
THESIS_SCORES = ("nmi", "ari", "silhouette", "dbi", "chi_normalized")
BASELINE = "pca_spectral"
NOT_TRAINED = ("pixels", "pca", "external", "published")
NOT_MOCO = (*NOT_TRAINED, "end_to_end")


def verdicts(runs: Runs, protocol: str) -> html.Html | None:
    """For the rows of trained encoders: which of the thesis's five scores are better than those of
    the same row as published, and than those of PCA + spectral in the same protocol; then, score by
    score, which rows of MoCo are better than every published row.

    A score that one of the two sides lacks is no verdict, neither better nor worse.
    """
    means, known = means_by_protocol(runs).get(protocol), methods_known(runs)
    if means is None or BASELINE not in means.index:
        return None
    trained = _representations(runs, protocol, NOT_TRAINED)
    rows = []
    for method in trained:
        published = known.get(method, {}).get("published")
        if not published:
            continue
        cells = []
        for score in THESIS_SCORES:
            ours = _mean(means, method, score)
            others = (number(published.get(SCORES[score][1])), _mean(means, BASELINE, score))
            cells.append(" ".join(_mark(ours, other, SCORES[score][2]) for other in others))
        rows.append([known[method]["title"], *cells])
    sentences = [
        html.element("li", sentence)
        for score in THESIS_SCORES
        if (sentence := sentence_on(score, runs, protocol))
    ]
    if not rows and not sentences:
        return None
    parts = []
    if rows:
        legend = (
            f"{protocol}, mean over the seeds: + better, - not better, ? not known, than the same "
            "row as published, then than PCA + spectral in the same protocol."
        )
        header = ["method", *(SCORES[s][0] for s in THESIS_SCORES)]
        parts += [html.element("p", legend), html.table(header, rows)]
    if sentences:
        note = (
            "Silhouette, DBI and CHI are measured in the space of each row. The published "
            "finetunings ran up to 100 epochs and were chosen with labels; the epochs run here are "
            "in the table above."
        )
        parts += [
            html.element("p", f"{protocol}, against every published row and PCA + spectral here:"),
            html.element("ul", *sentences),
            html.element("p", note),
        ]
    return html.Html("".join(parts))


def sentence_on(score: str, runs: Runs, protocol: str) -> str:
    """Which rows of MoCo have a better score than every published row and than PCA + spectral of
    the same protocol, and which have not; empty where either side is not known.
    """
    title, name, more = SCORES[score]
    means, known = means_by_protocol(runs)[protocol], methods_known(runs)
    better = max if more else min
    published = {
        about["title"]: value
        for about in known.values()
        if not math.isnan(value := number((about.get("published") or {}).get(name)))
    }
    baseline = _mean(means, BASELINE, score)
    if not published or math.isnan(baseline):
        return ""
    first = better(published, key=published.get)
    limit = better(published[first], baseline)
    found: dict[str, list[str]] = {"+": [], "-": [], "?": []}
    for method in _representations(runs, protocol, NOT_MOCO):
        value = _mean(means, method, score)
        row = f"{known.get(method, {}).get('title', method)} {short(value)}".strip()
        found[_mark(value, limit, more)].append(row)
    if not any(found.values()):
        return ""
    parts = [
        f"{words}: {'; '.join(found[mark])}"
        for mark, words in (("+", "better"), ("-", "not better"), ("?", "not known"))
        if found[mark]
    ]
    return (
        f"{title} (best published {short(published[first])}, {first}; PCA + spectral here "
        f"{short(baseline)}): {'. '.join(part[0].upper() + part[1:] for part in parts)}."
    )


def _representations(runs: Runs, protocol: str, without: tuple[str, ...]) -> dict[str, str]:
    """The representation of each method of a protocol, but for some."""
    return {
        row.method: row.representation
        for run in runs
        if run["protocol"] == protocol and COMPARISON in run["tables"]
        for row in run["tables"][COMPARISON].itertuples()
        if encoder_of(row.representation) not in without
    }


def _mean(means: pd.DataFrame, method: str, score: str) -> float:
    known = score in means.columns.get_level_values(0)
    return means.loc[method, (score, "mean")] if known else math.nan


def _mark(ours: float, other: float, more: bool) -> str:
    if math.isnan(ours) or math.isnan(other):
        return "?"
    return "+" if (ours > other if more else ours < other) else "-"
