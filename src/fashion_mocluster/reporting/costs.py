"""Time and memory of training epochs and of inference, beside the thesis's."""

from collections.abc import Sequence

import pandas as pd

from fashion_mocluster.reporting.results import RunResults, first_runs, method_titles
from fashion_mocluster.reporting.seeds import format_number


def training_table(results: Sequence[RunResults], thesis: dict[str, dict]) -> pd.DataFrame:
    """Per training and recipe: epochs run, median seconds and most memory (MB) of an epoch over all
    seeds, beside ``seconds`` and ``memory_mb`` of ``thesis``.
    """
    epochs: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for run in results:
        for training, table in run.training_costs.items():
            epochs.setdefault((training, run.recipe), []).append(table)
    return pd.DataFrame(
        {
            "training": training.replace("_", " "),
            "recipe": recipe,
            "epochs run": ", ".join(map(str, sorted({len(table) for table in seeds}))),
            "s": format_number(pd.concat(seeds)["seconds"].median(), 1),
            "MB": format_number(pd.concat(seeds)["memory_mb"].max(), 0),
            "thesis s": format_number(thesis.get(training, {}).get("seconds"), 2),
            "thesis MB": format_number(thesis.get(training, {}).get("memory_mb"), 0),
        }
        for (training, recipe), seeds in epochs.items()
    )


def inference_table(results: Sequence[RunResults], thesis: dict[str, dict]) -> pd.DataFrame:
    """Per method of the first run of each recipe: seconds and memory (MB) from images to clusters.

    Making the representation and clustering it come one after the other: their times add up, of
    their memory the larger counts. ``thesis`` has ``time_s`` and ``memory_mb`` by method.
    """
    titles = method_titles(results)
    return pd.DataFrame(
        {
            "run": run.name,
            "method": titles[line.method],
            "representation s": format_number(embedding["time_s"], 1),
            "clustering s": format_number(line.time_s, 1),
            "s in all": format_number(embedding["time_s"] + line.time_s, 1),
            "MB": format_number(max(embedding["memory_mb"], line.memory_mb), 0),
            "thesis s": format_number(thesis.get(line.method, {}).get("time_s"), 2),
            "thesis MB": format_number(thesis.get(line.method, {}).get("memory_mb"), 2),
        }
        for run in first_runs(results)
        for line in run.comparison.itertuples()
        if (embedding := run.embedding_cost(line.representation))
    )
