"""Our rows beside published clusterings of the same images, and how new images fared."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fashion_mocluster.reporting import html
from fashion_mocluster.reporting.methods_report import COMPARISON, Runs, methods_known, number
from fashion_mocluster.reporting.seeds import format_mean_std, over_seeds, short

SCORES = {"acc": "ACC", "nmi": "NMI", "ari": "ARI"}
CHOSEN = "Chosen without labels"
KEYS = ["title", "protocol", "images"]


def peers_table(runs: Runs, literature: Sequence[dict[str, Any]]) -> html.Html | None:
    """All rows, those run here in bold, best ACC first and those without ACC last; None without literature.

    Args:
        literature: ``report.literature`` of the parameters.
    """
    if not literature:
        return None
    lines = [
        (
            number(peer.get("acc")),
            [
                html.words(peer["title"]),
                html.words(peer["source"]),
                peer["images"],
                *(short(number(peer.get(score))) for score in SCORES),
                "",
            ],
        )
        for peer in literature
    ]
    means = over_seeds([pd.concat([clustered_scores(runs), new_image_scores(runs)])], KEYS)
    for (title, protocol, images), row in means.iterrows():
        cells = [html.bold(format_mean_std(*row[score].iloc[:2])) for score in SCORES]
        about = [html.words(html.bold(title)), html.words(protocol), images]
        lines.append((row["acc", "mean"], [*about, *cells, int(row["acc", "count"])]))
    lines.sort(key=lambda line: -math.inf if math.isnan(line[0]) else line[0], reverse=True)
    header = ["clustering", "source or protocol", "images", *SCORES.values(), "seeds"]
    return html.table(header, (cells for _, cells in lines))


def new_images_table(runs: Runs) -> html.Html | None:
    """How images that no training saw were sorted into the clusters; None without any."""
    scores = new_image_scores(runs)
    if scores.empty:
        return None
    rows = [
        [title, html.words(protocol), images]
        + [format_mean_std(*row[score].iloc[:2]) for score in SCORES]
        + [int(row["acc", "count"])]
        for (title, protocol, images), row in over_seeds([scores], KEYS).iterrows()
    ]
    return html.table(["method", "protocol", "images", *SCORES.values(), "seeds"], rows)


def clustered_scores(runs: Runs) -> pd.DataFrame:
    """ACC, NMI and ARI of every row of every seed whose labels are known, and once more those of
    the row that was chosen without labels.
    """
    titles = {name: about["title"] for name, about in methods_known(runs).items()}
    rows = []
    for run in runs:
        table = run["tables"].get(COMPARISON)
        if table is None:
            continue
        chosen = run["values"].get("best_method", {}).get("method")
        for row in table.to_dict("records"):
            named = [titles.get(row["method"], row["method"])]
            for title in named + [CHOSEN] * (row["method"] == chosen):
                rows.append(_line(run, title, f"{int(row['n_images']):,}", row))
    return _frame(rows)


def new_image_scores(runs: Runs) -> pd.DataFrame:
    """The same of the images that ``predict`` sorted into the clusters of each seed."""
    titles = {name: about["title"] for name, about in methods_known(runs).items()}
    rows = []
    for run in runs:
        scores = run["values"].get("prediction_scores")
        if scores is None:
            continue
        parameters = run["values"].get("run_info", {}).get("parameters", {})
        method = parameters.get("predict", {}).get("method", "")
        rows.append(_line(run, titles.get(method, method), f"{scores['n_images']:,} new", scores))
    return _frame(rows)


def _line(run: dict[str, Any], title: str, images: str, scores: dict[str, Any]) -> dict[str, Any]:
    found = {score: number(scores.get(score)) for score in SCORES}
    return {"title": title, "protocol": run["protocol"], "images": images, **found}


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*KEYS, *SCORES])
    return frame.astype(dict.fromkeys(SCORES, float)).dropna(subset=["acc"])
