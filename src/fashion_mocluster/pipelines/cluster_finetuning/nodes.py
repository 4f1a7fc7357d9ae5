"""Nodes of ``cluster_finetuning``."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    SelfLabelingParameters,
    WhiteningParameters,
    finetuning_parameters,
)
from fashion_mocluster.pipelines.moco_pretraining.nodes import assigner

# Those of `learning.checkpoints` and `learning.weights`: to name them here would import torch.
CheckpointStore = EncoderWeights = Any

Outputs = tuple[EncoderWeights, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def finetune_encoder(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: dict,
    n_clusters: int,
    checkpoints: CheckpointStore,
    labels: np.ndarray | None = None,
    name: str = "finetuning",
) -> Outputs:
    """Finetuned weights, history, clusters of the chosen epoch, and costs.

    Args:
        parameters: A group of ``finetuning``, see :func:`finetuning_parameters`.
        labels: For :func:`thesis_score` alone; any other choice of the epoch sees none.

    Raises:
        InputError: The epoch is to be chosen by the thesis's score, and there are no labels.
    """
    from fashion_mocluster.learning.finetuning import finetune

    p, score = finetuning_parameters(parameters), None
    if p.checkpoint_selection == "thesis_score":
        if labels is None:
            raise InputError(
                "checkpoint_selection is thesis_score, which needs labels, and these images have "
                f"none; set {name}.checkpoint_selection=label_free"
            )
        score = partial(thesis_score, labels)
    # Learnable centers start at those of k-means.
    kind = "spectral" if p.assign == "spectral" else "kmeans"
    clusterer = {"n_init": p.n_init, "n_neighbors": getattr(p, "n_neighbors", None)}
    assign = assigner(n_clusters, p.seed, kind=kind, **clusterer)
    return _outputs(finetune(images, pretrained, p, n_clusters, assign, checkpoints, score, name))


def thesis_score(labels: np.ndarray, assigned: np.ndarray, indices: Any) -> float:
    """0.3 NMI + 0.3 ARI + 0.3 silhouette + 0.05 / DB + 0.05 * log1p(CH) / 10, of which labels make 60
    percent.
    """
    from fashion_mocluster.clustering.scores import label_scores

    truth = label_scores(labels, assigned)
    return (
        0.3 * (truth["nmi"] + truth["ari"] + indices.silhouette)
        + 0.05 / max(indices.davies_bouldin, 1e-12)
        + 0.05 * float(np.log1p(indices.calinski_harabasz)) / 10
    )


def self_label_encoder(
    images: np.ndarray,
    pretrained: EncoderWeights,
    parameters: SelfLabelingParameters,
    n_clusters: int,
    checkpoints: CheckpointStore,
    embedding: EmbeddingParameters,
    whitening: WhiteningParameters,
    pixel_clusters: pd.DataFrame | None = None,
    name: str = "finetuning",
) -> Outputs:
    """Weights trained on their own clusters, history, those clusters, and costs; no label is seen."""
    from fashion_mocluster.learning.self_labeling import self_label

    p = parameters
    clusterer = {"kind": "turtle", "n_neighbors": p.n_neighbors, "n_init": p.n_init, "init": p.init}
    find_clusters = assigner(n_clusters, p.seed, **clusterer)
    init_labels = None if pixel_clusters is None else pixel_clusters["cluster"].to_numpy()
    find_clusters = partial(find_clusters, init_labels=init_labels)
    assign = partial(_with_agreement, find_clusters=find_clusters, n_neighbors=p.n_neighbors)
    return _outputs(
        self_label(
            images,
            pretrained,
            parameters,
            n_clusters,
            embedding,
            assign,
            checkpoints,
            name=name,
            whitening=whitening,
        )
    )


def _with_agreement(
    z: np.ndarray, find_clusters: Callable[[np.ndarray], np.ndarray], n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Clusters int64 (N,) of embeddings (N, D), and the share of each one's neighbors in its own."""
    from fashion_mocluster.clustering.typicality import neighbor_agreement

    labels = find_clusters(z)
    return labels, neighbor_agreement(z, labels, n_neighbors)


def _outputs(result) -> Outputs:
    """A training's result as catalog outputs."""
    clusters = result.assignments
    assignments = pd.DataFrame({"index": range(len(clusters)), "cluster": clusters})
    history, costs = pd.DataFrame(result.history), pd.DataFrame(result.costs)
    return result.weights, history, assignments, costs
