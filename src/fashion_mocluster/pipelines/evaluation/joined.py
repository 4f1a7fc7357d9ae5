"""Representations side by side, as one."""

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline
from sklearn.preprocessing import normalize

from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table
from fashion_mocluster.pipelines.moco_pretraining.pipeline import bind


def join_embeddings(
    weights: dict[str, float], **embeddings: pd.DataFrame | dict
) -> tuple[pd.DataFrame, dict]:
    """One table of the columns of several, each row of each scaled to the weight of its table.

    Args:
        weights: By representation.
        embeddings: ``<representation>`` and ``<representation>_cost`` of each of them.

    Returns:
        The table, float32, and the cost of its parts together.
    """
    parts = [
        np.float32(weight) * normalize(embeddings[name].to_numpy(np.float32))
        for name, weight in weights.items()
    ]
    costs = [embeddings[f"{name}_cost"] for name in weights]
    cost = {
        "time_s": sum(cost["time_s"] for cost in costs),
        "memory_mb": max(cost["memory_mb"] for cost in costs),
    }
    return embeddings_table(np.hstack(parts)), cost


def create_pipeline(
    name: str, weights: dict[str, float], namespace: str = "evaluation", prefix: str = ""
) -> Pipeline:
    """``<prefix><part>_embeddings`` of all parts to ``<prefix><name>_embeddings``, and their cost.

    Args:
        name: The joined representation.
        weights: Of its parts, by name.
        prefix: Of the tables' names, for those of new images.
    """
    inputs = {part: f"{prefix}{part}_embeddings" for part in weights}
    inputs |= {f"{part}_cost": f"{prefix}{part}_embedding_cost" for part in weights}
    table = f"{prefix}{name}"
    return Pipeline(
        [
            Node(
                bind(join_embeddings, weights=weights),
                {name: name for name in inputs},
                ["embeddings", "cost"],
                name=f"join_{table}",
            )
        ],
        namespace=namespace,
        inputs=inputs,
        outputs={"embeddings": f"{table}_embeddings", "cost": f"{table}_embedding_cost"},
    )
