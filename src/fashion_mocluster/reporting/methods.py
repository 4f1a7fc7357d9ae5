"""The report's table of methods, and which of them is best without labels."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from fashion_mocluster.reporting.results import (
    RunResults,
    known_methods,
    method_scores,
    method_titles,
)
from fashion_mocluster.reporting.seeds import format_number, over_seeds, printed_means


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
TITLES = {"neighbor_mi": "neighbor_mi"} | {name: score.title for name, score in SCORES.items()}
PRINTED = [score.title for score in SCORES.values()]
SIGNS = pd.Series({name: score.sign for name, score in SCORES.items()})
# The thesis clusters the test images of Fashion-MNIST; scores of more or fewer are another task.
THESIS_IMAGES = 10_000
KEYS = ["method", "recipe"]


def best_method(results: Sequence[RunResults]) -> dict[str, Any] | None:
    """What a reader wants first: the method chosen without labels by the first recipe that has one,
    how many seeds chose what, its scores over the seeds and its clusters in pictures; None where
    nothing was chosen.
    """
    scores = method_scores(results)
    chosen = scores[scores["chosen"].astype(bool)]
    if chosen.empty:
        return None
    chosen = chosen[chosen["recipe"] == chosen["recipe"].iloc[0]]
    counts = chosen["title"].value_counts()
    # The pictures are of one seed; show one whose choice is the most frequent.
    first = chosen[chosen["title"] == counts.index[0]].iloc[0]
    shown = next(r for r in results if (r.recipe, r.seed) == (first["recipe"], first["seed"]))
    return {
        "title": first["title"],
        "counts": counts.to_dict(),
        "shown": shown,
        "seeds": len(chosen),
        "n_images": int(first["n_images"]),
        "scores": printed_means(over_seeds(chosen, ["recipe"]), TITLES).drop(columns="seeds"),
        "examples": shown.figures.get(f"examples/{shown.best_method}"),
    }


def methods_table(results: Sequence[RunResults]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each method as published and as every recipe gave it, and the CSS classes of the cells.

    The best score of a recipe has the class ``best``, the method that it chose without labels a
    star. A score has + or - where the thesis has one too, of as many images.
    """
    scores = method_scores(results)
    if scores.empty:
        return scores, scores
    titles, thesis = method_titles(results), _thesis_scores(results)
    runs, means = scores.groupby(KEYS, sort=False), over_seeds(scores, KEYS)
    ours = printed_means(means, TITLES)
    ours[PRINTED] += _compared(means, thesis)
    ours["results of"] = means.index.get_level_values("recipe") + runs["chosen"].agg(_star)
    ours[["clusterer", "epochs"]] = runs[["clusterer", "epochs"]].agg(_joined)
    theirs = thesis.map(format_number).set_axis(PRINTED, axis=1)
    theirs["results of"] = "the thesis"
    theirs.index = pd.MultiIndex.from_product([theirs.index, [""]], names=KEYS)
    order = [(method, recipe) for method in titles for recipe in ("", *scores["recipe"].unique())]
    table = pd.concat([theirs, ours]).reindex(order).dropna(how="all").fillna("")
    table["method"] = table.index.get_level_values("method").map(titles)
    table = table[["method", "results of", "clusterer", *TITLES.values(), "epochs", "seeds"]]
    signed = means.xs("mean", axis=1, level=1)[list(SCORES)] * SIGNS
    best = (signed == signed.groupby("recipe").transform("max")).set_axis(PRINTED, axis=1)
    return table, best.map({True: "best"}.get).reindex_like(table).astype(object).fillna("")


def _thesis_scores(results: Sequence[RunResults]) -> pd.DataFrame:
    """What the thesis published, float (methods, scores); NaN for what it did not."""
    published = {name: about.get("thesis_scores") for name, about in known_methods(results).items()}
    table = pd.DataFrame({name: scores for name, scores in published.items() if scores}).T
    names = {score.thesis_name: name for name, score in SCORES.items()}
    return table.rename(columns=names).reindex(columns=list(SCORES)).astype(float)


def _compared(means: pd.DataFrame, thesis: pd.DataFrame) -> pd.DataFrame:
    """``+`` where a mean is better than the published one, ``-`` where not, nothing without both."""
    ours = means.xs("mean", axis=1, level=1)
    theirs = thesis.reindex(means.index.get_level_values("method")).set_axis(means.index)
    better = ours[list(SCORES)] * SIGNS > theirs * SIGNS
    comparable = ours[list(SCORES)].notna() & theirs.notna()
    comparable[ours["n_images"] != THESIS_IMAGES] = False
    return better.replace({True: " +", False: " -"}).where(comparable, "").set_axis(PRINTED, axis=1)


def _star(chosen: pd.Series) -> str:
    """Whether all seeds, or how many, chose the method."""
    if chosen.all():
        return " *"
    return f" * ({chosen.sum()} of {len(chosen)} seeds)" if chosen.any() else ""


def _joined(values: pd.Series) -> str:
    return ", ".join(sorted(set(values)))
