"""Our methods beside published clusterings of the same images, and how new images fared."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import RunResults, method_titles
from fashion_mocluster.reporting.seeds import format_mean_std, format_metric, over_seeds
from fashion_mocluster.reporting.tables import html_table

SCORES = {"acc": "ACC", "nmi": "NMI", "ari": "ARI"}
CHOSEN = "Chosen without labels"
KEYS = ["title", "protocol", "images"]


def literature_table(results: list[RunResults], literature: Sequence[dict[str, Any]]) -> Markup:
    """All clusterings, those run here in bold, best ACC first and those without ACC last; empty
    without literature.

    Args:
        literature: ``report.literature`` of the parameters.
    """
    if not literature:
        return Markup()
    lines = [
        {
            "clustering": published["title"],
            "source or protocol": published["source"],
            "images": published["images"],
            **{title: format_metric(published.get(s)) for s, title in SCORES.items()},
            "seeds": "",
            "order": published.get("acc"),
            "mark": "",
        }
        for published in literature
    ]
    ours = pd.concat([clustered_scores(results), new_image_scores(results)]).dropna(subset="acc")
    for (title, protocol, images), means in over_seeds([ours], KEYS).iterrows():
        lines.append(
            {"clustering": title, "source or protocol": protocol, "images": images}
            | _cells(means)
            | {"order": means["acc", "mean"], "mark": "best"}
        )
    frame = pd.DataFrame(lines).astype({"order": float})
    frame = frame.sort_values("order", ascending=False, na_position="last", kind="stable")
    shown = frame.drop(columns=["order", "mark"])
    marks = pd.DataFrame(dict.fromkeys(shown, frame["mark"]))
    return html_table("literature", shown, ["clustering", "source or protocol"], marks)


def new_images_table(results: list[RunResults]) -> Markup:
    """How images that no training saw were sorted into the clusters; empty without any."""
    lines = [
        {"method": title, "protocol": protocol, "images": images}
        | {"mean confidence": format_mean_std(*means["mean_confidence"].iloc[:2])}
        | _cells(means)
        for (title, protocol, images), means in over_seeds(
            [new_image_scores(results)], KEYS
        ).iterrows()
    ]
    return html_table("new_images", pd.DataFrame(lines), ["method", "protocol"])


def _cells(means: pd.Series) -> dict[str, str]:
    seeds = int(means.xs("count", level=1).max())
    scores = {title: format_mean_std(*means[s].iloc[:2]) for s, title in SCORES.items()}
    return {**scores, "seeds": str(seeds)}


def clustered_scores(results: list[RunResults]) -> pd.DataFrame:
    """ACC, NMI and ARI of every method of every seed, and once more those of the method that was
    chosen without labels; NaN where labels are not known.
    """
    titles = method_titles(results)
    lines = []
    for run in results:
        for line in run.comparison.to_dict("records"):
            named = [titles[line["method"]]] + [CHOSEN] * (line["method"] == run.best_method)
            images = f"{int(line['n_images']):,}"
            lines += [_line(run, title, images, line) for title in named]
    return _frame(lines)


def new_image_scores(results: list[RunResults]) -> pd.DataFrame:
    """The same of the images that ``predict`` sorted into the clusters of each seed, and the mean
    confidence with which it did.
    """
    titles = method_titles(results)
    lines = []
    for run in results:
        if run.predictions:
            method = run.parameters.get("predict", {}).get("method", "")
            images = f"{run.predictions['n_images']:,} new"
            lines.append(_line(run, titles.get(method, method), images, run.predictions))
    return _frame(lines)


def _line(run: RunResults, title: str, images: str, scores: dict[str, Any]) -> dict[str, Any]:
    values = {score: scores.get(score, math.nan) for score in (*SCORES, "mean_confidence")}
    return {"title": title, "protocol": run.protocol, "images": images, **values}


def _frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    scores = [*SCORES, "mean_confidence"]
    return pd.DataFrame(lines, columns=[*KEYS, *scores]).astype(dict.fromkeys(scores, float))
