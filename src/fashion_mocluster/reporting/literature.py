"""Our methods beside published clusterings of the same images, and how new images fared."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fashion_mocluster.reporting.results import RunResults, method_scores, method_titles
from fashion_mocluster.reporting.seeds import format_number, over_seeds, printed_means

SCORES = {"acc": "ACC", "nmi": "NMI", "ari": "ARI"}
KEYS = ["clustering", "source or recipe", "images"]
CHOSEN = "Chosen without labels"


def literature_table(
    results: Sequence[RunResults], literature: Sequence[dict[str, Any]]
) -> pd.DataFrame:
    """All clusterings, best ACC first, without ACC last; empty without ``report.literature``."""
    if not literature:
        return pd.DataFrame()
    published = pd.DataFrame(literature)
    published[list(SCORES)] = published[list(SCORES)].astype(float)
    theirs = published.rename(columns={"title": KEYS[0], "source": KEYS[1]}).assign(seeds="")
    theirs = theirs.assign(order=theirs["acc"], **theirs[list(SCORES)].map(format_number))
    ours = method_scores(results)
    ours = pd.concat([ours, ours[ours["chosen"].astype(bool)].assign(title=CHOSEN)])
    ours["images"] = ours["n_images"].map("{:,}".format)
    ours = ours.rename(columns={"title": KEYS[0], "recipe": KEYS[1]})
    means = over_seeds(pd.concat([ours, new_image_scores(results)]), KEYS)
    printed = printed_means(means, {score: score for score in SCORES})
    printed = printed.assign(order=means["acc"]["mean"]).dropna().reset_index()
    both = pd.concat([theirs, printed]).sort_values("order", ascending=False, kind="stable")
    return both[[*KEYS, *SCORES, "seeds"]].rename(columns=SCORES)


def new_images_table(results: Sequence[RunResults]) -> pd.DataFrame:
    """How images that no training saw were sorted into the clusters; empty without any."""
    scores = new_image_scores(results)
    if scores.empty:
        return scores
    titles = {"mean_confidence": "mean confidence"} | SCORES
    table = printed_means(over_seeds(scores, KEYS), titles).reset_index()
    return table.rename(columns={KEYS[0]: "method", KEYS[1]: "recipe"})


def new_image_scores(results: Sequence[RunResults]) -> pd.DataFrame:
    """Mean confidence, and ACC, NMI and ARI where labels are known, of the new images of each seed."""
    titles = method_titles(results)
    lines = []
    for run in results:
        if run.predictions:
            method = run.predictions.get("method", "not recorded")
            images = f"{run.predictions['n_images']:,} new"
            scores = {s: run.predictions.get(s) for s in ("mean_confidence", *SCORES)}
            lines.append([titles.get(method, method), run.recipe, images, *scores.values()])
    columns = [*KEYS, "mean_confidence", *SCORES]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(columns[3:], float))
