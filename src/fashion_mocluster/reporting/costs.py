"""Time and memory of training epochs and of inference, beside the thesis's."""

import pandas as pd
from markupsafe import Markup

from fashion_mocluster.reporting.results import RunResults, method_titles
from fashion_mocluster.reporting.seeds import format_large
from fashion_mocluster.reporting.tables import html_table

TRAINING_TITLES = {
    "moco": "MoCo",
    "end_to_end": "End-to-End",
    "joint": "MoCo, joint",
    "kmeans_finetuned": "K-Means finetuning",
    "spectral_finetuned": "Spectral finetuning",
    "learnable_finetuned": "Learnable centers",
    "self_labeling_finetuned": "Self-labeling",
}


def training_costs(results: list[RunResults]) -> pd.DataFrame:
    """Per run and training: epochs run, median seconds and most memory (MB) of an epoch. The
    trainings of ablations are left out.
    """
    lines = [
        {
            "training": training,
            "protocol": run.protocol,
            "epochs": len(table),
            "seconds": table["seconds"].median(),
            "memory_mb": table["memory_mb"].max(),
        }
        for run in results
        for training, table in run.training_costs.items()
        if len(table) and not training.startswith(("ablation_", "bugfix_ablation_"))
    ]
    return pd.DataFrame(lines, columns=["training", "protocol", "epochs", "seconds", "memory_mb"])


def training_table(results: list[RunResults], thesis: dict[str, dict]) -> Markup:
    """Per protocol and training, over its seeds; empty where nothing was trained.

    Args:
        thesis: By training, its ``seconds`` and ``memory_mb``.
    """
    lines = [
        {
            "training": TRAINING_TITLES.get(training, training.replace("_", " ")),
            "protocol": protocol,
            "epochs run": ", ".join(map(str, sorted(set(seeds["epochs"])))),
            "s": format_large(seeds["seconds"].median(), 1),
            "MB": format_large(seeds["memory_mb"].max(), 0),
            "thesis s": format_large(thesis.get(training, {}).get("seconds"), 2),
            "thesis MB": format_large(thesis.get(training, {}).get("memory_mb"), 0),
        }
        for (training, protocol), seeds in training_costs(results).groupby(
            ["training", "protocol"], sort=False
        )
    ]
    return html_table("training", pd.DataFrame(lines), ["training", "protocol"])


def inference_costs(run: RunResults) -> pd.DataFrame:
    """Per method of one run: seconds and memory from images to clusters.

    Making the representation and clustering it come one after the other: their times add up, of
    their memory the larger counts.
    """
    lines = [
        {
            "method": line.method,
            "representation_s": cost["time_s"],
            "clustering_s": line.time_s,
            "time_s": cost["time_s"] + line.time_s,
            "memory_mb": max(cost["memory_mb"], line.memory_mb),
        }
        for line in run.comparison.itertuples()
        if (cost := run.embedding_costs.get(line.representation))
    ]
    return pd.DataFrame(lines)


def inference_table(name: str, run: RunResults, thesis: dict[str, dict]) -> Markup:
    """The same as a table called ``name``, beside the thesis's ``time_s`` and ``memory_mb`` by
    method.
    """
    titles = method_titles([run])
    lines = [
        {
            "method": titles[cost.method],
            "representation s": format_large(cost.representation_s, 1),
            "clustering s": format_large(cost.clustering_s, 1),
            "s in all": format_large(cost.time_s, 1),
            "MB": format_large(cost.memory_mb, 0),
            "thesis s": format_large(thesis.get(cost.method, {}).get("time_s"), 2),
            "thesis MB": format_large(thesis.get(cost.method, {}).get("memory_mb"), 2),
        }
        for cost in inference_costs(run).itertuples()
    ]
    return html_table(name, pd.DataFrame(lines), ["method"])
