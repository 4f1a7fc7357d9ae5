"""Nodes of ``moco_pretraining``; those that embed also serve the finetuned encoders."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

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
    """
    from fashion_mocluster.learning.preprocessing import PixelStatistics
    from fashion_mocluster.learning.pretraining import pretrain

    statistics = PixelStatistics(pixel_statistics["mean"], pixel_statistics["std"])
    assign, joint = None, parameters.clustering
    if joint is not None:
        clusterer = {"kind": joint.assign, "n_init": joint.n_init, "n_neighbors": joint.n_neighbors}
        assign = assigner(n_clusters, parameters.seed, **clusterer)
    result = pretrain(images, statistics, parameters, checkpoints, name, assign, n_clusters)
    return result.weights, pd.DataFrame(result.history), pd.DataFrame(result.costs)


def assigner(n_clusters: int, seed: int, **clusterer: Any) -> Callable[..., np.ndarray]:
    """A function from embeddings (N, D), and clusters to begin at if any, to clusters int64 (N,).

    Args:
        clusterer: ``kind`` and its parameters; those that are None are left at their defaults.
    """
    from fashion_mocluster.clustering.clusterers import cluster
    from fashion_mocluster.clustering.parameters import ClustererParameters

    values = {key: value for key, value in clusterer.items() if value is not None}
    parameters = TypeAdapter(ClustererParameters).validate_python(values)
    return partial(cluster, parameters=parameters, n_clusters=n_clusters, seed=seed)


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
    from fashion_mocluster.learning.whitening import whiten_and_embed

    device = pick_device(embedding.compute)
    (whitened, z), cost = measure_on(
        device, lambda: whiten_and_embed(images, weights, whitening, embedding)
    )
    return whitened, embeddings_table(z), asdict(cost)


def embeddings_table(z: np.ndarray) -> pd.DataFrame:
    """Embeddings (N, D) with a column ``feature_i`` per dimension, not copied."""
    return pd.DataFrame(z, columns=[f"feature_{i}" for i in range(z.shape[1])], copy=False)
