"""Our methods beside published clusterings of the same images, and how new images fared."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import RunResults, method_titles
from fashion_mocluster.reporting.seeds import format_mean_std, format_metric, over_seeds
from fashion_mocluster.reporting.tables import html_table

SCORES = {"acc": "ACC", "nmi": "NMI", "ari": "ARI"}
CHOSEN = "Chosen without labels"
KEYS = ["clustering", "source or protocol", "images"]


def literature_table(results: list[RunResults], literature: Sequence[dict[str, Any]]) -> Markup:
    """All clusterings, those run here in bold, best ACC first and those without ACC last; empty
    without literature.

    Args:
        literature: ``report.literature`` of the parameters.
    """
    if not literature:
        return Markup()
    published = pd.DataFrame(literature).rename(columns={"title": KEYS[0], "source": KEYS[1]})
    theirs = published[[*KEYS, *SCORES]].astype(dict.fromkeys(SCORES, float))
    theirs = theirs.assign(order=theirs["acc"], mark="", seeds="")
    theirs[list(SCORES)] = theirs[list(SCORES)].map(format_metric)
    ours = over_seeds([clustered_scores(results), new_image_scores(results)], KEYS)
    ours = ours[ours["acc", "mean"].notna()]
    ours = _printed(ours).assign(order=ours["acc", "mean"].to_numpy(), mark="best")
    both = pd.concat([theirs, ours.drop(columns="mean_confidence")])
    both = both.sort_values("order", ascending=False, kind="stable").rename(columns=SCORES)
    shown = both[[*KEYS, *SCORES.values(), "seeds"]]
    return html_table(
        "literature", shown, KEYS[:2], pd.DataFrame(dict.fromkeys(shown, both["mark"]))
    )


def new_images_table(results: list[RunResults]) -> Markup:
    """How images that no training saw were sorted into the clusters; empty without any."""
    table = _printed(over_seeds([new_image_scores(results)], KEYS))
    titles = {"clustering": "method", KEYS[1]: "protocol", "mean_confidence": "mean confidence"}
    return html_table("new_images", table.rename(columns=titles | SCORES), ["method", "protocol"])


def _printed(means: pd.DataFrame) -> pd.DataFrame:
    """Mean and deviation of every score as text, and the number of seeds."""
    scores = ["mean_confidence", *SCORES]
    cells = {s: [format_mean_std(*line) for line in means[s].to_numpy()[:, :2]] for s in scores}
    seeds = means.xs("count", level=1, axis=1).max(axis=1).astype(int).astype(str)
    return pd.DataFrame(cells, index=means.index, dtype=object).assign(seeds=seeds).reset_index()


def clustered_scores(results: list[RunResults]) -> pd.DataFrame:
    """ACC, NMI and ARI of every method of every seed, and once more those of the method that was
    chosen without labels; NaN where labels are not known.
    """
    titles = method_titles(results)
    return _frame(
        [title, run.protocol, f"{int(line['n_images']):,}", line]
        for run in results
        for line in run.comparison.to_dict("records")
        for title in [titles[line["method"]]] + [CHOSEN] * (line["method"] == run.best_method)
    )


def new_image_scores(results: list[RunResults]) -> pd.DataFrame:
    """The same of the images that ``predict`` sorted into the clusters of each seed, and the mean
    confidence with which it did.
    """
    titles = method_titles(results)
    return _frame(
        [
            titles.get(method, method),
            run.protocol,
            f"{run.predictions['n_images']:,} new",
            run.predictions,
        ]
        for run in results
        if run.predictions
        for method in [run.parameters.get("predict", {}).get("method", "")]
    )


def _frame(lines: Any) -> pd.DataFrame:
    """Of ``KEYS`` and a dictionary of scores each; scores that are not known are NaN."""
    scores = ["mean_confidence", *SCORES]
    rows = [[*keys, *(found.get(score) for score in scores)] for *keys, found in lines]
    return pd.DataFrame(rows, columns=[*KEYS, *scores]).astype(dict.fromkeys(scores, float))
