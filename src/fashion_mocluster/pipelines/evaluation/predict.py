"""The clusters of new images, by a training and a clustering that never saw them."""

import logging

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline
from matplotlib.figure import Figure

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation import backbone, nodes
from fashion_mocluster.pipelines.evaluation.parameters import PredictParameters
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline

logger = logging.getLogger(__name__)


def check_new_images(new_images: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The new images, uint8 (M, H, W), if they are of the size of the known ones.

    Raises:
        InputError: They are not.
    """
    if new_images.shape[1:] != images.shape[1:]:
        size, known = ("{} x {}".format(*x.shape[1:]) for x in (new_images, images))
        raise InputError(
            f"predict.path: images of {size}, but the encoder was trained on {known}; bring them to "
            f"that size (for pictures: predict.image_shape)"
        )
    return new_images


def predict_clusters(
    known: pd.DataFrame, assignments: np.ndarray, new: pd.DataFrame, parameters: PredictParameters
) -> pd.DataFrame:
    """Index, cluster and confidence (share of the neighbors' votes) of each new image."""
    from fashion_mocluster.clustering.assignment import assign_by_neighbors

    clusters, share = assign_by_neighbors(
        known.to_numpy(), assignments, new.to_numpy(), parameters.n_neighbors
    )
    return pd.DataFrame(
        {"index": np.arange(len(clusters)), "cluster": clusters, "confidence": share}
    )


def score_predictions(
    predicted: pd.DataFrame, labels: np.ndarray | None, method: MethodParameters
) -> dict:
    """ACC, NMI and ARI of the new images, where their labels are known, and how many there are."""
    from fashion_mocluster.clustering.scores import label_scores

    scores = {"n_images": len(predicted), "mean_confidence": float(predicted["confidence"].mean())}
    if labels is not None:
        scores |= label_scores(labels, predicted["cluster"].to_numpy())
    logger.info(
        "%s, new images: %s", method.title, "  ".join(f"{k} {v:.4g}" for k, v in scores.items())
    )
    return scores


def draw_predictions(
    predicted: pd.DataFrame,
    labels: np.ndarray | None,
    method: MethodParameters,
    data: DataParameters,
) -> Figure:
    """Classes and clusters of the new images; without labels the sizes of the clusters."""
    from fashion_mocluster.clustering.scores import match_clusters
    from fashion_mocluster.reporting import distribution as bars

    clusters, title = predicted["cluster"].to_numpy(), f"{method.title}, new images"
    if labels is None:
        return bars.cluster_size_figure(clusters, title)
    table = nodes.tabulate_distribution(nodes.tabulate_clusters(clusters, labels), data)
    table = bars.contingency(table)
    counts, names = table.to_numpy(), list(table.columns.get_level_values("Label_Name"))
    return bars.confusion_figure(counts, match_clusters(counts.T), names, title)


def create_pipeline(method: str, representation: str) -> Pipeline:
    """``new_images`` to ``predicted_clusters``, their scores and a figure.

    Args:
        method: The method of the comparison whose clusters are continued.
        representation: What it clusters, which an encoder or the backbone makes.
    """
    checked = "predict.checked_images"
    recipe = {"params:method": f"params:evaluation.methods.{method}", "params:data": "params:data"}
    check = Pipeline(
        [
            Node(
                check_new_images,
                ["new_images", "images"],
                "checked_images",
                name="check_new_images",
            )
        ],
        namespace="predict",
        inputs={"new_images", "images"},
    )
    namespace, name = f"predict.{representation}", f"new_{representation}"
    if representation == "backbone":
        embed = backbone.create_pipeline(namespace, name, checked)
    else:
        embed = embedding_pipeline(
            namespace, name, weights=f"{representation}_weights", images=checked
        )
    return (
        check
        + embed
        + Pipeline(
            [
                Node(
                    predict_clusters,
                    ["known", "assignments", "new_embeddings", "params:predict"],
                    "clusters",
                    name="predict_clusters",
                ),
                Node(
                    score_predictions,
                    ["clusters", "new_labels", "params:method"],
                    "scores",
                    name="score_predictions",
                ),
                Node(
                    draw_predictions,
                    ["clusters", "new_labels", "params:method", "params:data"],
                    "figure",
                    name="draw_predictions",
                ),
            ],
            namespace="predict",
            inputs={
                "known": f"{representation}_embeddings",
                "assignments": f"{method}_assignments",
                "new_embeddings": f"new_{representation}_embeddings",
                "new_labels": "new_labels",
            },
            outputs={
                "clusters": "predicted_clusters",
                "scores": "prediction_scores",
                "figure": "prediction_figure",
            },
            parameters={**recipe, "params:predict": "params:predict"},
        )
    )
