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

# Those of `learning.checkpoints` and `learning.weights`: to name them here would import torch.
CheckpointStore = EncoderWeights = Any


def train_encoder(
    images: np.ndarray,
    pixel_statistics: dict,
    parameters: MocoParameters,
    checkpoints: CheckpointStore,
    n_clusters: int,
    name: str = "moco",
) -> tuple[EncoderWeights, pd.DataFrame, pd.DataFrame]:
    """Weights of the query encoder, its history and its costs, one line per epoch each.

    Args:
        images: uint8 (N, H, W).
        n_clusters: How many clusters joint training looks for.
        name: The parameter group, for messages.
    """
    from fashion_mocluster.learning.preprocessing import PixelStatistics
    from fashion_mocluster.learning.pretraining import pretrain

    statistics = PixelStatistics(pixel_statistics["mean"], pixel_statistics["std"])
    joint = parameters.clustering
    assign = joint and assigner(
        joint.assign, joint.n_init, joint.n_neighbors, n_clusters, parameters.seed
    )
    result = pretrain(images, statistics, parameters, checkpoints, name, assign)
    return result.weights, pd.DataFrame(result.history), pd.DataFrame(result.costs)


def assigner(kind: str, n_init: int, n_neighbors: int | None, n_clusters: int, seed: int):
    """A function from embeddings (N, D) to k-means or spectral clusters int64 (N,)."""
    from fashion_mocluster.clustering.clusterers import cluster
    from fashion_mocluster.clustering.parameters import KMeansParameters, SpectralParameters

    if kind == "kmeans":
        parameters = KMeansParameters(n_init=n_init)
    else:
        parameters = SpectralParameters(n_init=n_init, n_neighbors=n_neighbors or 10)
    return lambda z: cluster(z, parameters, n_clusters, seed)


def draw_loss_curve(history: pd.DataFrame) -> Figure:
    """Loss and effective rank over the epochs."""
    from fashion_mocluster.reporting.history import history_figure

    return history_figure(
        history,
        "Momentum-contrast pretraining",
        {"loss": "InfoNCE loss", "effective_rank": "Effective rank of the queue"},
    )


def embed_images(
    images: np.ndarray, weights: EncoderWeights, parameters: EmbeddingParameters
) -> tuple[pd.DataFrame, dict]:
    """Embeddings as :func:`embeddings_table` gives them, and their cost."""
    from fashion_mocluster.learning.device import measure_on, pick_device
    from fashion_mocluster.learning.embedding import embed

    device = pick_device(parameters.compute)
    z, cost = measure_on(device, lambda: embed(images, weights, parameters))
    return embeddings_table(z), asdict(cost)


def embed_whitened(
    images: np.ndarray,
    weights: EncoderWeights,
    whitening: WhiteningParameters,
    embedding: EmbeddingParameters,
) -> tuple[EncoderWeights, pd.DataFrame, dict]:
    """The weights with a whitened readout fitted to the images, its embeddings, and the cost of both."""
    from fashion_mocluster.learning.device import measure_on, pick_device
    from fashion_mocluster.learning.embedding import embed
    from fashion_mocluster.learning.whitening import whiten

    device = pick_device(embedding.compute)
    whitened, fit = measure_on(device, lambda: whiten(images, weights, whitening, embedding))
    z, cost = measure_on(device, lambda: embed(images, whitened, embedding))
    return whitened, embeddings_table(z), asdict(fit + cost)


def embeddings_table(z: np.ndarray) -> pd.DataFrame:
    """Embeddings (N, D) with a column ``feature_i`` per dimension, not copied."""
    return pd.DataFrame(z, columns=[f"feature_{i}" for i in range(z.shape[1])], copy=False)
