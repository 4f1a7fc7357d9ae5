"""Nodes of ``moco_pretraining``; those that embed also serve the finetuned encoders."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    MocoParameters,
    WhiteningParameters,
)


def train_encoder(
    images: np.ndarray,
    pixel_statistics: dict,
    parameters: MocoParameters,
    checkpoints: Any,
    n_clusters: int,
    name: str = "moco",
) -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Weights of the query encoder; one history row and one cost row per epoch.

    Args:
        n_clusters: How many clusters joint training looks for.
        name: The parameter group, for messages.
    """
    from fashion_mocluster.clustering.clusterers import cluster
    from fashion_mocluster.clustering.parameters import KMeansParameters, SpectralParameters
    from fashion_mocluster.learning.preprocessing import PixelStatistics
    from fashion_mocluster.learning.pretraining import pretrain

    statistics = PixelStatistics(pixel_statistics["mean"], pixel_statistics["std"])
    assign, joint = None, parameters.clustering
    if joint is not None:
        if joint.assign == "kmeans":
            clusterer = KMeansParameters(n_init=joint.n_init)
        else:
            clusterer = SpectralParameters(n_init=joint.n_init, n_neighbors=joint.n_neighbors)
        assign = lambda z: cluster(z, clusterer, n_clusters, parameters.seed)  # noqa: E731
    result = pretrain(images, statistics, parameters, checkpoints, name, assign)
    return result.weights.to_dict(), pd.DataFrame(result.history), pd.DataFrame(result.costs)


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
) -> tuple[pd.DataFrame, dict]:
    """One row per image, one column ``feature_i`` per dimension; and what that cost."""
    from fashion_mocluster.learning.device import measure_on, pick_device
    from fashion_mocluster.learning.embedding import embed
    from fashion_mocluster.learning.weights import EncoderWeights

    encoder = EncoderWeights.from_dict(weights)
    device = pick_device(parameters.compute)
    z, cost = measure_on(device, lambda: embed(images, encoder, parameters))
    return embeddings_table(z), asdict(cost)


def embed_whitened(
    images: np.ndarray,
    weights: dict,
    whitening: WhiteningParameters,
    embedding: EmbeddingParameters,
) -> tuple[dict, pd.DataFrame, dict]:
    """The same weights with a readout of feature maps fitted to the images; what they make of the
    images, as :func:`embed_images`; and what both cost.
    """
    from fashion_mocluster.learning.device import measure_on, pick_device
    from fashion_mocluster.learning.embedding import embed
    from fashion_mocluster.learning.weights import EncoderWeights
    from fashion_mocluster.learning.whitening import whiten

    encoder = EncoderWeights.from_dict(weights)
    device = pick_device(embedding.compute)
    whitened, fit = measure_on(device, lambda: whiten(images, encoder, whitening, embedding))
    z, cost = measure_on(device, lambda: embed(images, whitened, embedding))
    return whitened.to_dict(), embeddings_table(z), asdict(fit + cost)


def embeddings_table(z: np.ndarray) -> pd.DataFrame:
    """Embeddings (N, D) with a column ``feature_i`` per dimension, not copied."""
    return pd.DataFrame(z, columns=[f"feature_{i}" for i in range(z.shape[1])], copy=False)
