"""Representations side by side, as one."""

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline

from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table
from fashion_mocluster.pipelines.wiring import bind, nodes_in


def join_embeddings(weights: dict[str, float], **embeddings: pd.DataFrame) -> pd.DataFrame:
    """The columns of several tables, float32, each row of each scaled to the weight of its table."""
    from sklearn.preprocessing import normalize

    parts = [
        np.float32(weight) * normalize(embeddings[name].to_numpy(np.float32))
        for name, weight in weights.items()
    ]
    return embeddings_table(np.hstack(parts))


def create_pipeline(
    name: str, weights: dict[str, float], namespace: str = "evaluation", prefix: str = ""
) -> Pipeline:
    """``<prefix><part>_embeddings`` of all parts to ``<prefix><name>_embeddings``.

    Args:
        prefix: Of the tables' names, for those of new images.
    """
    join = bind(join_embeddings, weights=weights)
    parts = {part: f"{prefix}{part}_embeddings" for part in weights}
    joined = f"{prefix}{name}"
    return nodes_in(namespace, (join, parts, f"{joined}_embeddings", f"join_{joined}"))
