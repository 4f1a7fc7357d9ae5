"""Time and memory of training epochs and of inference, beside the thesis's."""

from typing import Any

import pandas as pd


def training_costs(runs: list[dict[str, Any]], published: dict[str, dict]) -> pd.DataFrame:
    """Per protocol and training: epochs run, median seconds and most memory of an epoch, total.

    Args:
        runs: As :class:`RunResultsDataset` loads them.
        published: By training, its ``seconds`` and ``memory_mb``.
    """
    rows = []
    for run in runs:
        for key, table in run["tables"].items():
            folder, _, training = key.rpartition("/")
            if folder == "training_cost" and len(table):
                rows.append(
                    {
                        "training": training,
                        "protocol": run["protocol"],
                        "seed": run["seed"],
                        "epochs": len(table),
                        "seconds": table["seconds"].median(),
                        "memory_mb": table["memory_mb"].max(),
                        "total_s": table["seconds"].sum(),
                        "published_seconds": published.get(training, {}).get("seconds"),
                        "published_memory_mb": published.get(training, {}).get("memory_mb"),
                    }
                )
    return pd.DataFrame(rows)


def inference_costs(run: dict[str, Any], published: dict[str, dict]) -> pd.DataFrame:
    """Per method of one run: seconds and memory from images to clusters.

    Making the representation and clustering it come one after the other: their times add up, of
    their memory the larger counts.
    """
    rows = []
    for row in run["tables"].get("clustering_comparison", pd.DataFrame()).itertuples():
        made = run["values"].get(f"embedding_cost/{row.representation}")
        if made is None:
            continue
        rows.append(
            {
                "method": row.method,
                "representation_s": made["time_s"],
                "clustering_s": row.time_s,
                "time_s": made["time_s"] + row.time_s,
                "memory_mb": max(made["memory_mb"], row.memory_mb),
                "published_time_s": published.get(row.method, {}).get("time_s"),
                "published_memory_mb": published.get(row.method, {}).get("memory_mb"),
            }
        )
    return pd.DataFrame(rows)
