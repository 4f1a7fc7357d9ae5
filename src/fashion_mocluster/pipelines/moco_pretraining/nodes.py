"""Nodes of ``moco_pretraining``; ``embed_images`` also serves the finetuned encoders."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.learning.parameters import EmbeddingParameters, MocoParameters


def train_encoder(
    images: np.ndarray,
    pixel_statistics: dict,
    parameters: MocoParameters,
    checkpoints: Any,
    name: str = "moco",
) -> tuple[dict, pd.DataFrame]:
    """Weights of the query encoder and one history row per epoch.

    Args:
        name: The parameter group, for messages.
    """
    from fashion_mocluster.learning.inputs import PixelStatistics
    from fashion_mocluster.learning.pretraining import pretrain

    statistics = PixelStatistics(pixel_statistics["mean"], pixel_statistics["std"])
    result = pretrain(images, statistics, parameters, checkpoints, name)
    return result.weights.to_dict(), pd.DataFrame(result.history)


def draw_loss_curve(history: pd.DataFrame) -> Figure:
    """Loss and what else changed over the epochs."""
    from fashion_mocluster.reporting.history import history_figure

    return history_figure(
        history,
        "Momentum-contrast pretraining",
        {"loss": "InfoNCE loss", "effective_rank": "Effective rank of the queue"},
    )


def embed_images(
    images: np.ndarray, weights: dict, parameters: EmbeddingParameters
) -> pd.DataFrame:
    """One row per image, one column ``feature_i`` per dimension."""
    from fashion_mocluster.learning.embedding import embed
    from fashion_mocluster.learning.weights import EncoderWeights

    z = embed(images, EncoderWeights.from_dict(weights), parameters)
    return pd.DataFrame(z, columns=[f"feature_{i}" for i in range(z.shape[1])])
