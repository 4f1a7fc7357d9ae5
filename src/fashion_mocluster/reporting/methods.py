"""The report's table of methods, and which of them is best without labels."""

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


class Score(NamedTuple):
    """How a column of the comparison is printed and what the thesis calls it."""

    title: str
    thesis_name: str
    sign: int = 1  # -1 where lower is better


SCORES = {
    "acc": Score("ACC", "acc"),
    "nmi": Score("NMI", "nmi"),
    "ari": Score("ARI", "ari"),
    "silhouette": Score("Silhouette", "silhouette"),
    "dbi": Score("DBI", "dbi", -1),
    "chi_normalized": Score("log1p(CHI)/10", "chi"),
}


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
    lines = [
        run.comparison[run.comparison["method"] == run.best_method].assign(
            method="chosen", neighbor_mi=run.neighbor_mi[run.best_method]
        )
        for run in runs
    ]
    means = over_seeds(lines, ["method"]).loc["chosen"]
    names = {column: score.title for column, score in SCORES.items()} | {
        "neighbor_mi": "neighbor_mi"
    }
    scores = {title: format_mean_std(*means[c].iloc[:2]) for c, title in names.items()}
    # The pictures are of one seed; show one whose choice is the most frequent.
    title = counts.most_common(1)[0][0]
    shown = next(run for run in runs if titles[run.best_method] == title)
    return {
        "title": title,
        "counts": dict(counts),
        "shown": shown,
        "seeds": len(runs),
        "n_images": int(means["n_images", "mean"]),
        "scores": html_table("best", pd.DataFrame([{k: v for k, v in scores.items() if v}])),
        "examples": shown.figures.get(f"examples/{shown.best_method}"),
    }


def methods_table(results: list[RunResults]) -> Markup:
    """Each method as published and as every protocol gave it; the best of a protocol in bold, the
    method chosen without labels with a star, and whether a score is better than the thesis's.
    """
    known, lines, marks = known_methods(results), [], []
    means = {
        protocol: over_seeds(seeds, ["method"])
        for protocol, seeds in by_protocol(results, "comparison").items()
    }
    for method, title in method_titles(results).items():
        thesis = known.get(method, {}).get("thesis_scores") or {}
        if thesis:
            scores = {s.title: format_metric(thesis.get(s.thesis_name)) for s in SCORES.values()}
            lines.append({"method": title, "results of": "the thesis", **scores})
            marks.append({})
        for protocol, table in means.items():
            if method not in table.index:
                continue
            runs = [run for run in results if run.protocol == protocol]
            mi = pd.Series([run.neighbor_mi.get(method, math.nan) for run in runs])
            lines.append(
                {
                    "method": title,
                    "results of": protocol + _star(runs, method),
                    "clusterer": _clusterers(runs, method),
                    **{s.title: _score_cell(table, method, c, thesis) for c, s in SCORES.items()},
                    "neighbor_mi": format_mean_std(mi.mean(), mi.std()),
                    "epochs": _joined(n for run in runs for n in run.epochs_of(method)),
                    "seeds": str(table.loc[method].xs("count", level=1).max().astype(int)),
                }
            )
            best = {c: (s.sign * table[c]["mean"]).max() for c, s in SCORES.items()}
            own = {c: s.sign * table.loc[method, (c, "mean")] for c, s in SCORES.items()}
            marks.append({s.title: "best" if own[c] == best[c] else "" for c, s in SCORES.items()})
    columns = ["method", "results of", "clusterer", *(s.title for s in SCORES.values())]
    columns += ["neighbor_mi", "epochs", "seeds"]
    frame = pd.DataFrame(lines, columns=columns, dtype=object).fillna("")
    frame, groups = hide_repeated(frame, ["method"])
    bold = pd.DataFrame(marks, columns=columns, dtype=object).fillna("")
    return html_table("methods", frame, ["method", "results of", "clusterer"], bold, groups)


def _score_cell(means: pd.DataFrame, method: str, score: str, thesis: dict[str, Any]) -> str:
    """Mean and deviation; in parentheses the number of seeds where some lack this score, for
    instance because they collapsed; + or - where the thesis has a score to compare with.
    """
    mean, std, count = means.loc[method, score]
    cell = format_mean_std(mean, std)
    if cell and count < means.loc[method].xs("count", level=1).max():
        cell += f" ({int(count)})"
    published = thesis.get(SCORES[score].thesis_name)
    if cell and published is not None:
        cell += " +" if SCORES[score].sign * (mean - published) > 0 else " -"
    return cell


def _star(runs: list[RunResults], method: str) -> str:
    chosen = sum(run.best_method == method for run in runs)
    if chosen in (0, len(runs)):
        return " *" if chosen else ""
    return f" * ({chosen} of {len(runs)} seeds)"


def _clusterers(runs: list[RunResults], method: str) -> str:
    """How the method clustered in each seed, and whether it found fewer clusters than asked for."""
    tables = [run.comparison[run.comparison["method"] == method] for run in runs]
    return _joined(name for table in tables for name in table.get("clusterer", ()))


def _joined(values: Any) -> str:
    return ", ".join(map(str, sorted(set(values))))
