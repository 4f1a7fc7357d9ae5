"""The representation ``backbone``, of the pretrained network, for known and new images alike."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline

from fashion_mocluster.learning.parameters import BackboneParameters
from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table
from fashion_mocluster.pipelines.wiring import nodes_in


def embed_with_backbone(
    images: np.ndarray, parameters: BackboneParameters, earlier: pd.DataFrame | None
) -> tuple[pd.DataFrame, dict]:
    """Features of the pretrained network as :func:`embeddings_table` gives them, and their cost.

    The table's ``attrs`` say which images and which network it is of, by which the next run knows
    what it can use again. The time of that is counted as it was spent.
    """
    from fashion_mocluster.learning.backbone_reuse import Described, describe
    from fashion_mocluster.learning.device import measure_on, pick_device

    known = None
    if earlier is not None and earlier.attrs:
        made_from = earlier.attrs["images"].split(), earlier.attrs["network"]
        known = Described(earlier.to_numpy(np.float32), *made_from)
    device = pick_device(parameters.compute)
    (found, n_known), cost = measure_on(device, lambda: describe(images, parameters, known))
    if n_known:
        cost = replace(cost, time_s=cost.time_s + n_known * earlier.attrs["seconds_per_image"])
    table = embeddings_table(found.features)
    # One text, for pandas copies attrs whenever it makes one table of another.
    table.attrs = {"images": " ".join(found.images), "network": found.network}
    table.attrs["seconds_per_image"] = cost.time_s / len(table)
    return table, asdict(cost)


def create_pipeline(
    namespace: str = "evaluation", name: str = "backbone", images: str = "images"
) -> Pipeline:
    """``images`` to ``<name>_embeddings`` and their cost."""
    inputs = [images, "params:backbone", f"earlier_{name}_embeddings"]
    outputs = [f"{name}_embeddings", f"{name}_embedding_cost"]
    return nodes_in(namespace, (embed_with_backbone, inputs, outputs))
