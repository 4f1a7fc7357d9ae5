"""Nodes of ``cluster_finetuning``."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    FinetuningParameters,
    SelfLabelingParameters,
    WhiteningParameters,
)


def finetune_encoder(
    images: np.ndarray,
    pretrained: dict,
    parameters: FinetuningParameters,
    n_clusters: int,
    checkpoints: Any,
    name: str = "finetuning",
) -> tuple[dict, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Finetuned weights, history, what the chosen epoch assigned, and cost; no label is seen.

    Args:
        name: The parameter group, for messages.

    Raises:
        ValueError: The parameters ask for a choice by labels.
    """
    if parameters.checkpoint_selection == "thesis_score":
        raise ValueError(
            "checkpoint_selection is thesis_score, but no labels are wired into this pipeline"
        )
    return _finetune(images, pretrained, parameters, n_clusters, checkpoints, name, score=None)


def finetune_encoder_by_thesis_score(
    images: np.ndarray,
    pretrained: dict,
    parameters: FinetuningParameters,
    n_clusters: int,
    checkpoints: Any,
    labels: np.ndarray | None,
    name: str = "finetuning",
) -> tuple[dict, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """As the thesis did: the kept epoch is chosen by a score of which labels make 60 percent.

    Raises:
        ValueError: There are no labels.
    """
    from fashion_mocluster.clustering.scores import label_scores

    if labels is None:
        raise ValueError(
            "checkpoint_selection is thesis_score, which needs labels, and these images have none; set "
            f"{name}.checkpoint_selection to label_free"
        )

    def thesis_score(assigned: np.ndarray, indices) -> float:
        """.3 NMI + .3 ARI + .3 silhouette + .05 / DB + .05 * log1p(CH) / 10."""
        truth = label_scores(labels, assigned)
        return (
            0.3 * (truth["nmi"] + truth["ari"] + indices.silhouette)
            + 0.05 / max(indices.davies_bouldin, 1e-12)
            + 0.05 * float(np.log1p(indices.calinski_harabasz)) / 10
        )

    return _finetune(images, pretrained, parameters, n_clusters, checkpoints, name, thesis_score)


def _finetune(images, pretrained, parameters, n_clusters, checkpoints, name, score):
    from fashion_mocluster.learning.finetuning import finetune
    from fashion_mocluster.learning.weights import EncoderWeights

    # Learnable centers start from those of k-means.
    kind = "spectral" if parameters.assign == "spectral" else "kmeans"
    result = finetune(
        images,
        EncoderWeights.from_dict(pretrained),
        parameters,
        n_clusters,
        _clusterer(kind, parameters, n_clusters),
        checkpoints,
        score,
        name=name,
    )
    return _tables(result)


def _clusterer(
    kind: str, parameters: FinetuningParameters, n_clusters: int
) -> Callable[[np.ndarray], np.ndarray]:
    """What clusters embeddings (N, D) into labels (N,) as a finetuning asks for."""
    from fashion_mocluster.clustering.clusterers import cluster
    from fashion_mocluster.clustering.parameters import KMeansParameters, SpectralParameters

    if kind == "kmeans":
        clusterer = KMeansParameters(n_init=parameters.n_init)
    else:
        clusterer = SpectralParameters(n_init=parameters.n_init, n_neighbors=parameters.n_neighbors)
    return lambda z: cluster(z, clusterer, n_clusters, parameters.seed)


def self_label_encoder(
    images: np.ndarray,
    pretrained: dict,
    parameters: SelfLabelingParameters,
    n_clusters: int,
    checkpoints: Any,
    embedding: EmbeddingParameters,
    whitening: WhiteningParameters,
    pixel_clusters: pd.DataFrame | None = None,
    name: str = "finetuning",
) -> tuple[dict, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Weights trained on their own clusters, history, those clusters, and cost; no label is seen.

    Args:
        pixel_clusters: Where ``parameters`` have a ``init: pixel_clusters``: a cluster for each image.
        name: The parameter group, for messages.
    """
    from fashion_mocluster.clustering.clusterers import cluster
    from fashion_mocluster.clustering.parameters import TurtleParameters
    from fashion_mocluster.clustering.typicality import neighbor_agreement
    from fashion_mocluster.learning.self_labeling import self_label
    from fashion_mocluster.learning.weights import EncoderWeights

    turtle = TurtleParameters(
        n_init=parameters.n_init,
        n_neighbors=parameters.n_neighbors,
        init=parameters.init,
    )
    init_labels = None if pixel_clusters is None else pixel_clusters["cluster"].to_numpy()

    def assign(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        labels = cluster(z, turtle, n_clusters, parameters.seed, init_labels)
        return labels, neighbor_agreement(z, labels, parameters.n_neighbors)

    result = self_label(
        images,
        EncoderWeights.from_dict(pretrained),
        parameters,
        n_clusters,
        embedding,
        assign,
        checkpoints,
        name=name,
        whitening=whitening,
    )
    return _tables(result)


def _tables(result) -> tuple[dict, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What the catalog keeps of a finetuning."""
    clusters = result.assignments
    assignments = pd.DataFrame({"index": range(len(clusters)), "cluster": clusters})
    history, costs = pd.DataFrame(result.history), pd.DataFrame(result.costs)
    return result.weights.to_dict(), history, assignments, costs


def draw_loss_curve(history: pd.DataFrame) -> Figure:
    """Loss and label-free indices over the epochs."""
    from fashion_mocluster.reporting.history import history_figure

    return history_figure(
        history,
        "Cluster finetuning",
        {
            "loss": "Surrogate loss",
            "silhouette": "Silhouette",
            "davies_bouldin": "Davies-Bouldin",
        },
    )


def draw_self_labeling_curve(history: pd.DataFrame) -> Figure:
    """Loss, and share of the images that it is of, over the epochs of all rounds."""
    from fashion_mocluster.reporting.history import history_figure

    curves = {
        "loss": "Cross-entropy with the clusters",
        "fraction_used": "Share of images trained on",
    }
    return history_figure(history, "Self-labeling", curves)
