"""Time and memory of training epochs and of inference, beside the thesis's."""

import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import RunResults, method_titles
from fashion_mocluster.reporting.seeds import format_large
from fashion_mocluster.reporting.tables import html_table


def training_table(results: list[RunResults], thesis: dict[str, dict]) -> Markup:
    """Per training and protocol: epochs run, median seconds and most memory (MB) of an epoch over
    all seeds. Empty where nothing was trained; the trainings of ablations are left out.

    Args:
        thesis: By training, its ``seconds`` and ``memory_mb``.
    """
    epochs: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for run in results:
        for training, table in run.training_costs.items():
            if not training.startswith(("ablation_", "bugfix_ablation_")):
                epochs.setdefault((training, run.protocol), []).append(table)
    lines = [
        {
            "training": training.replace("_", " "),
            "protocol": protocol,
            "epochs run": ", ".join(map(str, sorted({len(table) for table in seeds}))),
            "s": format_large(pd.concat(seeds)["seconds"].median(), 1),
            "MB": format_large(pd.concat(seeds)["memory_mb"].max(), 0),
            "thesis s": format_large(thesis.get(training, {}).get("seconds"), 2),
            "thesis MB": format_large(thesis.get(training, {}).get("memory_mb"), 0),
        }
        for (training, protocol), seeds in epochs.items()
    ]
    return html_table("training", _without_thesis(lines, thesis), ["training", "protocol"])


def inference_table(name: str, run: RunResults, thesis: dict[str, dict]) -> Markup:
    """Per method of one run: seconds and memory (MB) from images to clusters.

    Making the representation and clustering it come one after the other: their times add up, of
    their memory the larger counts.

    Args:
        name: The table's id in the page.
        thesis: By method, its ``time_s`` and ``memory_mb``.
    """
    titles = method_titles([run])
    lines = [
        {
            "method": titles[line.method],
            "representation s": format_large(embedding["time_s"], 1),
            "clustering s": format_large(line.time_s, 1),
            "s in all": format_large(embedding["time_s"] + line.time_s, 1),
            "MB": format_large(max(embedding["memory_mb"], line.memory_mb), 0),
            "thesis s": format_large(thesis.get(line.method, {}).get("time_s"), 2),
            "thesis MB": format_large(thesis.get(line.method, {}).get("memory_mb"), 2),
        }
        for line in run.comparison.itertuples()
        if (embedding := run.embedding_costs.get(line.representation))
    ]
    return html_table(name, _without_thesis(lines, thesis), ["method"])


def _without_thesis(lines: list[dict], thesis: dict[str, dict]) -> pd.DataFrame:
    """The table, without the thesis's columns where its figures are not to be shown."""
    table = pd.DataFrame(lines)
    return table if thesis else table.drop(columns=["thesis s", "thesis MB"], errors="ignore")
