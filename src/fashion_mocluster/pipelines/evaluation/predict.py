"""The clusters of new images, from what an earlier run stored: its embeddings and clusters, and the
weights that embed. The images of that run are not read again.
"""

import logging
from collections.abc import Collection

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline
from matplotlib.figure import Figure

from fashion_mocluster.errors import InputError
from fashion_mocluster.parameters import ProjectParameters
from fashion_mocluster.pipelines.data_processing.nodes import list_skipped_pictures
from fashion_mocluster.pipelines.evaluation import backbone, joined, nodes
from fashion_mocluster.pipelines.evaluation.cluster_names import (
    add_names,
    check_cluster_names,
    merge_by_name,
    names_in,
)
from fashion_mocluster.pipelines.evaluation.parameters import (
    ModelSelectionParameters,
    PredictParameters,
)
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline
from fashion_mocluster.pipelines.wiring import bind, nodes_in
from fashion_mocluster.reporting import distribution as bars
from fashion_mocluster.representations import encoder_of
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

NAMESPACE = "predict"
CHECKED = f"{NAMESPACE}.checked_images"


def check_new_images(new_images: np.ndarray, pixel_statistics: dict) -> np.ndarray:
    """The new images, uint8 (M, H, W) or (M, H, W, 3), if they are of the size and the colors of the
    known ones.

    Raises:
        InputError: They are not.
    """
    known = (pixel_statistics["height"], pixel_statistics["width"])
    known += (3,) if pixel_statistics["channels"] == 3 else ()
    new = new_images.shape[1:]
    if new != known:
        cure = "pictures get that size if predict.image_shape is null; bring other files to it"
        if len(new) != len(known):
            cure = "bring them as pictures, which get those colors"
        raise InputError(
            f"predict.path: images of {_size_and_colors(new)}, but the clustered ones are "
            f"{_size_and_colors(known)}; {cure}"
        )
    return new_images


def _size_and_colors(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]} {'in color' if len(shape) == 3 else 'in gray'}"


def predict_clusters(
    known: pd.DataFrame,
    clusters: pd.DataFrame,
    neighbor_distances: np.ndarray,
    new: pd.DataFrame,
    new_image_paths: pd.DataFrame | None,
    parameters: PredictParameters,
    selection: ModelSelectionParameters,
    cluster_names: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The cluster of each new image: index, path (where it is a file), cluster, name (where clusters
    have names), confidence, distance and novel. Clusters of one name are one.

    The confidence is that of the known images, the share of the nearest known images that are in the
    cluster. ``distance`` is how far the nearest of them is (between directions, 0 to 2), and
    ``novel`` whether that is farther than known images are from each other.

    Args:
        known: Embeddings of the clustered images.
        clusters: Their clusters, with names if the run had some.
        neighbor_distances: How far each of them is from its nearest.
        cluster_names: Names that the user gives now; None for those that the run had.
    """
    from fashion_mocluster.clustering.assignment import assign_by_neighbors
    from fashion_mocluster.clustering.screening import large_distance

    names = names_in(clusters) if cluster_names is None else cluster_names
    if names is not None:
        clusters = merge_by_name(clusters, names)
    votes = parameters.n_neighbors or selection.n_neighbors
    found = assign_by_neighbors(
        known.to_numpy(), clusters["cluster"].to_numpy(), new.to_numpy(), votes
    )
    nearest = found.distances[:, 0]
    table = pd.DataFrame(
        {
            "index": np.arange(len(new)),
            "cluster": found.clusters,
            "confidence": found.share,
            "distance": nearest,
            "novel": nearest > large_distance(neighbor_distances),
        }
    )
    if new_image_paths is not None:
        table.insert(1, "path", new_image_paths["path"].to_numpy())
    logger.info(
        "unlike all known: %d of %s", table["novel"].sum(), counted(len(table), "new image")
    )
    return table if names is None else add_names(table, names)


def score_predictions(
    predicted: pd.DataFrame, labels: np.ndarray | None, best: dict, *, method: str, title: str
) -> dict:
    """ACC, NMI and ARI of the new images, where their labels are known, and how many there are; with
    the method whose clusters they were sorted into, and what tells the run that made these from
    others, so that a later one does not show them.
    """
    from fashion_mocluster.clustering.scores import label_scores

    scores = {"n_images": len(predicted), "mean_confidence": float(predicted["confidence"].mean())}
    if labels is not None:
        scores |= label_scores(labels, predicted["cluster"].to_numpy())
    logger.info("%s, new images: %s", title, "  ".join(f"{k} {v:.4g}" for k, v in scores.items()))
    # Older versions stored no clustering.
    return {**scores, "method": method, "clustering": best.get("clustering")}


def draw_predictions(
    predicted: pd.DataFrame,
    known_clusters: pd.DataFrame,
    labels: np.ndarray | None,
    class_names: list[str] | None,
    *,
    title: str,
) -> Figure:
    """Classes and all known clusters of the new images; without labels, or with too many classes and
    clusters for a figure, the sizes of the clusters.
    """
    from fashion_mocluster.clustering.scores import match_clusters

    clusters, title = predicted["cluster"].to_numpy(), f"{title}, new images"
    known = np.unique(known_clusters["cluster"])
    if labels is not None:
        table = bars.distribution_table(predicted.assign(label=labels), class_names)
        counts = bars.contingency(table, known)
        if not nodes.is_too_large(counts, title):
            return bars.confusion_figure(counts, match_clusters(counts.to_numpy().T), title)
    return bars.cluster_size_figure(clusters, title, known)


def create_pipeline(p: "ProjectParameters", name: str, *, chosen: bool) -> Pipeline:
    """``new_images`` to ``predicted_clusters``, their scores and a figure; and what was skipped.

    Args:
        chosen: Whether it is the one that the stored run chose, rather than one that the user names.
    """
    method = p.evaluation.methods[name]
    title, representation = method.title, method.representation
    known_clusters = "best_clusters" if chosen else f"{name}_clusters"
    names, named = [], []
    if p.data.cluster_names is not None:
        names = ["predict.cluster_names"]
        check = bind(check_cluster_names, method=None if chosen else name)
        named = [(check, ["cluster_names_file", "best_method"], names[0])]
    predictions = nodes_in(
        NAMESPACE,
        (check_new_images, ["new_images", "pixel_statistics"], CHECKED),
        (list_skipped_pictures, ["new_skipped_files", CHECKED], "skipped_new_pictures"),
        *named,
        (
            predict_clusters,
            [
                *(f"{representation}_embeddings", known_clusters),
                *(f"{representation}_neighbor_distances", f"new_{representation}_embeddings"),
                *("new_image_paths", "params:predict", "params:evaluation.model_selection"),
                *names,
            ],
            "predicted_clusters",
        ),
        (
            bind(score_predictions, method=name, title=title),
            ["predicted_clusters", "new_labels", "best_method"],
            "prediction_scores",
        ),
        (
            bind(draw_predictions, title=title),
            ["predicted_clusters", known_clusters, "new_labels", "new_class_names"],
            "prediction_figure",
        ),
    )
    if (parts := p.joined.get(representation)) is None:
        return _new_embeddings(representation, p.encoder_namespaces) + predictions
    embeddings = [_new_embeddings(part, p.encoder_namespaces) for part in parts]
    join = joined.create_pipeline(representation, parts, NAMESPACE, "new_")
    return sum(embeddings, join) + predictions


def _new_embeddings(representation: str, encoders: Collection[str]) -> Pipeline:
    """``predict.checked_images`` to ``new_<representation>_embeddings``, embedded as the known ones."""
    name, namespace = f"new_{representation}", f"{NAMESPACE}.{representation}"
    if representation == "backbone":
        return backbone.create_pipeline(namespace, name, CHECKED)
    if representation == "external_encoder" or encoder_of(representation) in encoders:
        is_external = representation == "external_encoder"
        steps = "evaluation.external_weights_embedding" if is_external else "embedding"
        return embedding_pipeline(namespace, name, steps, f"{representation}_weights", CHECKED)
    outputs = [f"{name}_embeddings", f"{name}_embedding_cost"]
    if representation == "external":
        read = bind(nodes.read_external_embeddings, source="predict.external_embeddings")
        return nodes_in(NAMESPACE, (read, ["new_external_embeddings_file", CHECKED], outputs))
    if representation == "pixels":
        return nodes_in(NAMESPACE, (nodes.tabulate_pixels, CHECKED, outputs))
    return nodes_in(
        NAMESPACE,
        (nodes.tabulate_pixels, CHECKED, ["predict.pixels", "predict.cost"]),
        (nodes.project_pixels, ["predict.pixels", "pca_steps"], outputs),
    )
