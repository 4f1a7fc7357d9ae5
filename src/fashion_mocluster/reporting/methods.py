"""The report's tables of methods: how good each is, beside the thesis."""

import math
from collections import Counter
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import (
    RunResults,
    by_protocol,
    known_methods,
    method_titles,
)
from fashion_mocluster.reporting.seeds import format_mean_std, format_metric, over_seeds
from fashion_mocluster.reporting.tables import hide_repeated, html_table
from fashion_mocluster.representations import encoder_of


class Score(NamedTuple):
    """How a column of the comparison is printed and what the thesis calls it."""

    title: str
    thesis_name: str
    higher_is_better: bool


SCORES = {
    "acc": Score("ACC", "acc", True),
    "nmi": Score("NMI", "nmi", True),
    "ari": Score("ARI", "ari", True),
    "silhouette": Score("Silhouette", "silhouette", True),
    "dbi": Score("DBI", "dbi", False),
    "chi_normalized": Score("log1p(CHI)/10", "chi", True),
}
BASELINE = "pca_spectral"
NOT_TRAINED = ("pixels", "pca", "external", "external_encoder")


def means_by_protocol(results: list[RunResults]) -> dict[str, pd.DataFrame]:
    """Mean, deviation and number of seeds of every method, by protocol."""
    tables = by_protocol(results, "comparison")
    return {name: over_seeds(seeds, ["method"]) for name, seeds in tables.items()}


def best_method(results: list[RunResults]) -> dict[str, Any] | None:
    """What a reader wants first: the method chosen without labels in the first protocol that has
    one, its scores over the seeds and its clusters in pictures; None where nothing was chosen.
    """
    chosen = [run for run in results if run.best_method in run.comparison["method"].to_list()]
    runs = [run for run in chosen if run.protocol == chosen[0].protocol]
    if not runs:
        return None
    titles = method_titles(results)
    counts = Counter(titles[run.best_method] for run in runs)
    lines = [run.comparison[run.comparison["method"] == run.best_method] for run in runs]
    means = over_seeds([line.assign(method="chosen") for line in lines], ["method"])
    scores = {s.title: format_score(means, "chosen", c) for c, s in SCORES.items()}
    mi = pd.Series([run.neighbor_mi[run.best_method] for run in runs])
    scores["neighbor_mi"] = format_mean_std(mi.mean(), mi.std())
    # The pictures are of one seed; show one whose choice is the most frequent.
    title = counts.most_common(1)[0][0]
    shown = next(run for run in runs if titles[run.best_method] == title)
    return {
        "title": title,
        "counts": dict(counts),
        "protocol": shown.protocol,
        "seed": shown.seed,
        "seeds": len(runs),
        "n_methods": len(shown.comparison),
        "n_images": int(lines[0]["n_images"].iloc[0]) if "n_images" in lines[0] else None,
        "scores": html_table("best", pd.DataFrame([{k: v for k, v in scores.items() if v}])),
        "examples": shown.figures.get(f"examples/{shown.best_method}"),
    }


def methods_table(results: list[RunResults]) -> Markup:
    """Each method as published and as every protocol gave it; the best of a protocol in bold, the
    method chosen without labels with a star.
    """
    means, known, titles = (
        means_by_protocol(results),
        known_methods(results),
        method_titles(results),
    )
    lines, bold = [], []
    for method in titles:
        thesis = known.get(method, {}).get("thesis_scores") or {}
        own = [(name, table) for name, table in means.items() if method in table.index]
        if thesis:
            cells = {s.title: format_metric(thesis.get(s.thesis_name)) for s in SCORES.values()}
            lines.append({"method": titles[method], "results of": "the thesis", **cells})
            bold.append(dict.fromkeys(cells, ""))
        for protocol, table in own:
            runs = [run for run in results if run.protocol == protocol]
            mi = pd.Series([run.neighbor_mi.get(method, math.nan) for run in runs])
            epochs = sorted(set().union(*(run.epochs_of(method) for run in runs)))
            lines.append(
                {
                    "method": titles[method],
                    "results of": protocol + _star(runs, method),
                    "clusterer": "; ".join(dict.fromkeys(_clusterers(runs, method))),
                    **{s.title: format_score(table, method, c) for c, s in SCORES.items()},
                    "neighbor_mi": format_mean_std(mi.mean(), mi.std()),
                    "epochs": ", ".join(map(str, epochs)),
                    "seeds": str(_count(table, method)),
                }
            )
            bold.append(
                {s.title: "best" if _is_best(table, method, c) else "" for c, s in SCORES.items()}
            )
    columns = ["method", "results of", "clusterer", *(s.title for s in SCORES.values())]
    columns += ["neighbor_mi", "epochs", "seeds"]
    frame = pd.DataFrame(lines, columns=columns).fillna("")
    frame, groups = hide_repeated(frame, ["method"])
    marks = pd.DataFrame(bold, columns=columns, dtype=object).fillna("")
    return html_table("methods", frame, ["method", "results of", "clusterer"], marks, groups)


def format_score(means: pd.DataFrame, method: str, score: str) -> str:
    """Mean and deviation; in parentheses the number of seeds where some lack this score, for
    instance because they collapsed.
    """
    if score not in means.columns.get_level_values(0):
        return ""
    mean, std, count = means.loc[method, score]
    cell = format_mean_std(mean, std)
    return f"{cell} ({int(count)})" if cell and count < _count(means, method) else cell


def _count(means: pd.DataFrame, method: str) -> int:
    return int(means.loc[method].xs("count", level=1).max())


def _mean(means: pd.DataFrame, method: str, score: str) -> float:
    known = method in means.index and score in means.columns.get_level_values(0)
    return means.loc[method, (score, "mean")] if known else math.nan


def _is_best(means: pd.DataFrame, method: str, score: str) -> bool:
    if score not in means.columns.get_level_values(0):
        return False
    values = means[score]["mean"]
    best = values.max() if SCORES[score].higher_is_better else values.min()
    return bool(values[method] == best)


def _star(runs: list[RunResults], method: str) -> str:
    chosen = sum(run.best_method == method for run in runs)
    if not chosen or len(runs) == 1:
        return " *" * chosen
    return " *" if chosen == len(runs) else f" * ({chosen} of {len(runs)} seeds)"


def _clusterers(runs: list[RunResults], method: str) -> list[str]:
    """How the method clustered in each seed, and whether it found fewer clusters than asked for."""
    return [
        str(name)
        for run in runs
        if "clusterer" in run.comparison
        for name in run.comparison.loc[run.comparison["method"] == method, "clusterer"]
    ]


def thesis_comparison(results: list[RunResults]) -> Markup:
    """By how much each method of a trained encoder differs from the thesis and from the plain
    baseline, PCA + spectral clustering, in the first protocol; what is better, in bold.

    A score that one of the two sides lacks has no difference.
    """
    all_means, titles = means_by_protocol(results), method_titles(results)
    thesis = {
        method: about["thesis_scores"]
        for method, about in known_methods(results).items()
        if about.get("thesis_scores")
    }
    if not all_means or not thesis:
        return Markup()
    protocol, means = next(iter(all_means.items()))
    trained = {
        line.method: line.representation
        for run in results
        if run.protocol == protocol
        for line in run.comparison.itertuples()
        if encoder_of(line.representation) not in NOT_TRAINED
    }
    lines, marks = [], []
    for method in trained:
        references = {
            "the same method in the thesis": _published(thesis.get(method, {})),
            "the thesis's best of each score": _best_published(list(thesis.values())),
            "PCA + Spectral here": {c: _mean(means, BASELINE, c) for c in SCORES},
        }
        for reference, values in references.items():
            gains = {c: _mean(means, method, c) - values[c] for c in SCORES}
            if all(map(math.isnan, gains.values())):
                continue
            line = {"method": titles[method], "compared with": reference}
            lines.append(line | {SCORES[c].title: _signed(gain) for c, gain in gains.items()})
            marks.append(
                {SCORES[c].title: "best" if _better(c, g) else "" for c, g in gains.items()}
            )
    columns = ["method", "compared with", *(s.title for s in SCORES.values())]
    frame, groups = hide_repeated(pd.DataFrame(lines, columns=columns), ["method"])
    marks = pd.DataFrame(marks, columns=columns, dtype=object).fillna("")
    return html_table("thesis", frame, ["method", "compared with"], marks, groups)


def _published(scores: dict[str, Any]) -> dict[str, float]:
    values = {column: scores.get(score.thesis_name) for column, score in SCORES.items()}
    return {column: math.nan if value is None else value for column, value in values.items()}


def _best_published(methods: list[dict[str, Any]]) -> dict[str, float]:
    table = pd.DataFrame(map(_published, methods))
    return {c: table[c].max() if s.higher_is_better else table[c].min() for c, s in SCORES.items()}


def _signed(gain: float) -> str:
    return "" if math.isnan(gain) else f"{gain:+.3f}"


def _better(score: str, gain: float) -> bool:
    return gain > 0 if SCORES[score].higher_is_better else gain < 0
