"""The pretrained network: its representation ``backbone``, for the comparison and for new images alike,
and its weights, which whitening and finetunings start from.
"""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from fashion_mocluster.learning.parameters import BackboneParameters
from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table

# That of `learning.weights`: to name it here would import torch.
EncoderWeights = Any


def embed_with_backbone(
    images: np.ndarray, parameters: BackboneParameters
) -> tuple[pd.DataFrame, dict]:
    """Features of the pretrained network as :func:`embeddings_table` gives them, and their cost."""
    from fashion_mocluster.learning.backbone import embed_with_backbone
    from fashion_mocluster.learning.device import measure_on, pick_device

    device = pick_device(parameters.compute)
    z, cost = measure_on(device, lambda: embed_with_backbone(images, parameters))
    return embeddings_table(z), asdict(cost)


def create_pipeline(
    namespace: str = "evaluation", name: str = "backbone", images: str = "images"
) -> Pipeline:
    """``images`` to ``<name>_embeddings`` and their cost."""
    return Pipeline(
        [
            Node(
                embed_with_backbone,
                ["images", "params:backbone"],
                ["embeddings", "embedding_cost"],
                name="embed_with_backbone",
            )
        ],
        namespace=namespace,
        inputs={"images": images},
        outputs={"embeddings": f"{name}_embeddings", "embedding_cost": f"{name}_embedding_cost"},
        parameters={"params:backbone"},
    )


def load_weights(images: np.ndarray, parameters: BackboneParameters) -> EncoderWeights:
    """The weights of the pretrained network, for images like these."""
    from fashion_mocluster.learning.weights import EncoderWeights

    return EncoderWeights.of_backbone(parameters, images.shape[1:3], 3 if images.ndim == 4 else 1)


def weights_pipeline() -> Pipeline:
    """``images`` to ``backbone_weights``."""
    return Pipeline(
        [
            Node(
                load_weights,
                ["images", "params:backbone"],
                "backbone_weights",
                name="load_backbone_weights",
            )
        ]
    )
