"""Nodes of ``evaluation``. Labels are used here alone, and only for scores and figures."""

import logging
from collections.abc import Collection
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.pipelines.evaluation.cluster_names import fingerprint
from fashion_mocluster.pipelines.evaluation.parameters import ModelSelectionParameters
from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table
from fashion_mocluster.reporting import distribution as bars
from fashion_mocluster.reporting import scatter
from fashion_mocluster.reporting.comparison import (
    comparison_figure,
    comparison_table,
    printed_table,
)
from fashion_mocluster.reporting.contact_sheet import examples_figure
from fashion_mocluster.reporting.style import cluster_name
from fashion_mocluster.wording import counted

if TYPE_CHECKING:
    from fashion_mocluster.learning.weights import EncoderWeights

logger = logging.getLogger(__name__)

# Images shown of each kind and cluster.
EXAMPLES = 10


def tabulate_pixels(images: np.ndarray) -> tuple[pd.DataFrame, dict]:
    """Raw pixels as a representation, float32, one column per pixel; and its cost."""
    from fashion_mocluster.cost import measure

    x, cost = measure(lambda: images.reshape(len(images), -1).astype(np.float32))
    return embeddings_table(x), asdict(cost)


def reduce_pixels(
    pixels: pd.DataFrame, n_components: int, seed: int
) -> tuple[pd.DataFrame, dict, np.ndarray]:
    """The first principal components of the standardized pixels, their cost, and what
    :func:`project_pixels` needs for the same of other images: float32 (2 + components, pixels), the
    mean, the scale and the directions.

    There are fewer than ``n_components`` where there are fewer images or pixels.
    """
    from sklearn.decomposition import PCA

    from fashion_mocluster.clustering.clusterers import fit_scaler
    from fashion_mocluster.cost import measure

    x = pixels.to_numpy()
    pca = PCA(min(n_components, *x.shape), copy=False, random_state=seed)

    def components() -> tuple:
        scaler = fit_scaler(x)
        return scaler, pca.fit_transform(scaler.transform(x))

    (scaler, z), cost = measure(components)
    mean = scaler.mean_ + scaler.scale_ * pca.mean_
    steps = np.vstack([mean, scaler.scale_, pca.components_]).astype(np.float32)
    return embeddings_table(z), asdict(cost), steps


def project_pixels(pixels: pd.DataFrame, steps: np.ndarray) -> tuple[pd.DataFrame, dict]:
    """The principal components that :func:`reduce_pixels` found, of other images; and their cost."""
    from fashion_mocluster.cost import measure

    mean, scale, *directions = steps
    z, cost = measure(lambda: ((pixels.to_numpy() - mean) / scale) @ np.transpose(directions))
    return embeddings_table(z), asdict(cost)


def read_external_embeddings(
    external: pd.DataFrame, images: np.ndarray, source: str = "evaluation.external_embeddings"
) -> tuple[pd.DataFrame, dict]:
    """Embeddings from a file, without their label column, and a cost of zero.

    Raises:
        InputError: There is not one line for each image, columns are not ``feature_0, feature_1,
            ...``, or a value is missing.
    """
    features = external.drop(columns="label", errors="ignore")
    expected = [f"feature_{i}" for i in range(features.shape[1])]
    if not expected or list(features.columns) != expected:
        raise InputError(
            f"{source}: columns must be 'label' (optional), 'feature_0', 'feature_1', ...; found "
            f"{list(external.columns[:4])}..."
        )
    if len(features) != len(images):
        raise InputError(
            f"{source}: {counted(len(features), 'line')} for {counted(len(images), 'image')}; the file "
            "needs one for each image, in their order"
        )
    # Column by column numbers would be copied twice more.
    text = [name for name, kind in features.dtypes.items() if not is_numeric_dtype(kind)]
    if text:
        features = features.assign(
            **{name: pd.to_numeric(features[name], errors="coerce") for name in text}
        )
    numbers = features.to_numpy(np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(f"{source}: image {row}, column {expected[column]!r} is not a number")
    return embeddings_table(numbers), {"time_s": 0.0, "memory_mb": 0.0}


def read_external_weights(
    file: dict, images: np.ndarray, pixel_statistics: dict, embedding: EmbeddingParameters
) -> "EncoderWeights":
    """A bare state dict as weights of this project, its architecture read from the tensors.

    Args:
        file: ``state`` and, for messages, its ``origin``.
        embedding: Its ``preprocessing`` is stored with the weights.

    Raises:
        WeightsError: The tensors fit no encoder for these images; names the file and the tensor.
    """
    from fashion_mocluster.learning.external_weights import read_state_dict
    from fashion_mocluster.learning.parameters import PreprocessingParameters
    from fashion_mocluster.learning.preprocessing import PixelStatistics

    weights = read_state_dict(
        file["state"],
        embedding.preprocessing or PreprocessingParameters(),
        PixelStatistics(pixel_statistics["mean"], pixel_statistics["std"]),
        images.shape[1:3],
        file["origin"],
    )
    logger.info("%s: %s", file["origin"], weights.encoder)
    return weights


def assign_clusters(
    embeddings: pd.DataFrame,
    method: MethodParameters,
    n_clusters: int,
    seed: int,
    pixel_clusters: pd.DataFrame | None = None,
    init_labels: np.ndarray | None = None,
    screened: pd.DataFrame | None = None,
) -> tuple[np.ndarray, dict]:
    """Clusters of all images by one method, and its time and memory.

    Args:
        pixel_clusters: A cluster for each image, where the method begins at ``pixel_clusters``.
        init_labels: The same, int (N,), where it begins at the clusters of another method.
        screened: Which images are copies and outliers, where these are set aside.

    Returns:
        Labels int64 (N,) in 0..n_clusters-1, or, by a method that finds their number itself, from
        -1 (unsorted) on. Where some of the clusters asked for are empty, a warning is logged.
    """
    from fashion_mocluster.clustering.clusterers import scale
    from fashion_mocluster.clustering.screening import Screened, cluster_screened
    from fashion_mocluster.cost import measure

    x, clusterer = embeddings.to_numpy(), method.clusterer
    if pixel_clusters is not None:
        init_labels = pixel_clusters["cluster"].to_numpy()
    aside = Screened.from_table(screened, len(x))
    settings = aside, clusterer, n_clusters, seed, init_labels
    labels, cost = measure(lambda: cluster_screened(scale(x, clusterer), *settings))
    logger.info("%s: %.1f s", method.title, cost.time_s)
    n_found = len(np.unique(labels[labels >= 0]))
    if clusterer.finds_n_clusters:
        logger.info(
            "%s found %s and left %s unsorted",
            *(method.title, counted(n_found, "cluster"), counted((labels < 0).sum(), "image")),
        )
    elif n_found < n_clusters:
        logger.warning(
            "%s found %s, not the %d asked for: too few images differ, or its starts did not fill all "
            "clusters; lower n_clusters or choose another method",
            *(method.title, counted(n_found, "cluster"), n_clusters),
        )
    return labels, asdict(cost)


def tabulate_clusters(
    assignments: np.ndarray,
    neighbors: np.ndarray,
    image_paths: pd.DataFrame | None,
    labels: np.ndarray | None,
) -> pd.DataFrame:
    """Index, path, cluster and confidence of every image, and its label; path and label where known.

    The confidence is the share of the image's nearest neighbors that are in its cluster, 0 to 1.
    """
    from fashion_mocluster.clustering.typicality import share_in_cluster

    table = pd.DataFrame({"index": np.arange(len(assignments)), "cluster": assignments})
    if image_paths is not None:
        table.insert(1, "path", image_paths["path"].to_numpy())
    table["confidence"] = share_in_cluster(neighbors, assignments)
    return table if labels is None else table.assign(label=labels)


def score_clusters(
    embeddings: pd.DataFrame,
    clusters: pd.DataFrame,
    cost: dict,
    method: MethodParameters,
    n_clusters: int,
) -> dict:
    """Scores of one method, without its name; without labels none that need them."""
    from fashion_mocluster.clustering.clusterers import scale
    from fashion_mocluster.clustering.scores import label_free_scores, label_scores

    assigned = clusters["cluster"].to_numpy()
    known = "label" in clusters
    clusterer = method.clusterer
    steps = ["standardize"] * clusterer.standardize + ["umap"] * (clusterer.umap is not None)
    description = "+".join([*steps, clusterer.kind])
    n_found = len(np.unique(assigned[assigned >= 0]))
    if clusterer.finds_n_clusters:
        description += f" ({counted(n_found, 'cluster')}, {(assigned < 0).mean():.0%} unsorted)"
    elif n_found < n_clusters:
        description += f" ({n_found} of {n_clusters} clusters)"
    return {
        "representation": method.representation,
        "clusterer": description,
        "n_images": len(assigned),
        **(label_scores(clusters["label"].to_numpy(), assigned) if known else {}),
        **label_free_scores(scale(embeddings.to_numpy(), clusterer), assigned),
        **cost,
    }


def project_embeddings(embeddings: pd.DataFrame, kind: str, seed: int) -> pd.DataFrame:
    """Two dimensions of a representation, named by what they are; the same for all its methods."""
    from fashion_mocluster.clustering.projection import project

    names = {"pca": "Principal component", "umap": "UMAP", "tsne": "t-SNE"}
    columns = [f"{names[kind]} {i}" for i in (1, 2)]
    return pd.DataFrame(project(embeddings.to_numpy(), kind, seed), columns=columns)


def find_neighbors(
    embeddings: pd.DataFrame,
    selection: ModelSelectionParameters,
    screened: pd.DataFrame | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest neighbors int64 (N, k) of a representation, by direction, no two of them copies; the
    same for all methods. And how far the first of them is, float32, of each image that is no copy.
    """
    from fashion_mocluster.clustering.neighbors import nearest_distinct
    from fashion_mocluster.clustering.screening import Screened

    z = embeddings.to_numpy()
    representative = Screened.from_table(screened, len(z)).representative
    neighbors, distances = nearest_distinct(z, selection.n_neighbors, representative)
    return neighbors, distances[np.unique(representative), 0]


def draw_method(
    projection: pd.DataFrame,
    clusters: pd.DataFrame,
    distribution: pd.DataFrame,
    method: MethodParameters,
) -> dict[str, Figure]:
    """Scatter by cluster and by label, distribution and confusion; without labels what needs none. With
    too many clusters and classes for the last two, these are left out, and that is logged.
    """
    from fashion_mocluster.clustering.scores import match_clusters

    assigned, title = clusters["cluster"].to_numpy(), method.title
    # Unsorted images, -1, are the last group; where there are none, none are drawn.
    names = [cluster_name(cluster) for cluster in (*range(assigned.max() + 1), -1)]
    groups = assigned % len(names)
    by_cluster = scatter.scatter_figure(
        projection, groups, names, f"{title}: by cluster", last_is_unsorted=True
    )
    if "label" not in clusters:
        return {
            "scatter_by_cluster": by_cluster,
            "cluster_sizes": bars.cluster_size_figure(assigned, title),
        }
    counts = bars.contingency(distribution)
    class_names = list(counts.columns.get_level_values("Label_Name"))
    classes = np.unique(clusters["label"], return_inverse=True)[1]
    by_label = scatter.scatter_figure(projection, classes, class_names, f"{title}: by true label")
    scatters = {"scatter_by_cluster": by_cluster, "scatter_by_label": by_label}
    if is_too_large(counts, title):
        return scatters
    return {
        **scatters,
        "distribution": bars.distribution_figure(counts, title),
        "confusion": bars.confusion_figure(counts, match_clusters(counts.to_numpy().T), title),
    }


def is_too_large(counts: pd.DataFrame, title: str) -> bool:
    """Whether there are too many clusters or classes for a figure; if so, that is logged."""
    if max(counts.shape) <= bars.MOST_GROUPS:
        return False
    logger.warning(
        "%s: nothing shows which of %d classes are in which of %d clusters, for they are too many",
        *(title, counts.shape[1], len(counts)),
    )
    return True


def draw_examples(
    images: np.ndarray,
    embeddings: pd.DataFrame,
    neighbors: np.ndarray,
    clusters: pd.DataFrame,
    method: MethodParameters,
) -> Figure:
    """The most typical and the hardest images of each cluster, by what their neighbors are in; of very
    many clusters the largest.
    """
    from fashion_mocluster.clustering.scores import matched_classes
    from fashion_mocluster.clustering.typicality import share_in_cluster, typical_and_borderline

    z, assigned = embeddings.to_numpy(), clusters["cluster"].to_numpy()
    agreement = share_in_cluster(neighbors, assigned)
    mismatched = None
    if "label" in clusters:
        labels = clusters["label"].to_numpy()
        mismatched = labels != matched_classes(labels, assigned)
    examples = typical_and_borderline(z, assigned, agreement, EXAMPLES)
    numbers, sizes = np.unique(assigned, return_counts=True)
    if len(numbers) > bars.MOST_GROUPS:
        largest = numbers[np.argsort(-sizes, kind="stable")[: bars.MOST_GROUPS]]
        logger.warning(
            "%s: examples are of the %d largest of %d clusters",
            *(method.title, len(largest), len(numbers)),
        )
        examples = {int(cluster): examples[cluster] for cluster in np.sort(largest)}
    return examples_figure(images, examples, mismatched, method.title)


def compare_methods(
    methods: dict[str, MethodParameters],
    selection: ModelSelectionParameters,
    neighbors: np.ndarray,
    n_clusters: int,
    *,
    names: list[str],
    equal_sizes: Collection[str] = (),
    **results: dict | np.ndarray,
) -> tuple[pd.DataFrame, dict]:
    """The comparison table, and the method that is best by a criterion that sees no labels, with what
    tells its clusters from others and their sizes.

    Scores such as the silhouette are measured in a space of each method's own; the mutual
    information between the clusters of neighbors is measured on the same neighbors for all, and of
    at most ``n_clusters`` clusters.

    Args:
        neighbors: int (N, k), of the representation that ``selection`` names.
        equal_sizes: Those of them that assume clusters of equal size, for a line below the table.
        results: ``<name>_scores`` and ``<name>_assignments`` of each method run.
    """
    from fashion_mocluster.clustering.scores import neighbor_mutual_information

    table = comparison_table([{"method": name, **results[f"{name}_scores"]} for name in names])
    information = {
        name: neighbor_mutual_information(
            neighbors, results[f"{name}_assignments"], at_most=n_clusters
        )
        for name in names
    }
    best = max(names, key=information.get)
    numbers, sizes = np.unique(results[f"{best}_assignments"], return_counts=True)
    titles = {name: methods[name].title for name in names}
    errors = {name: results[f"{name}_scores"].get("silhouette_se") for name in names}
    errors = {name: error for name, error in errors.items() if error is not None}
    logger.info("\n%s", printed_table(table, titles, information, best, equal_sizes, errors))
    return table, {
        "method": best,
        "criterion": "mutual information between the clusters of neighbors in nats, no labels seen",
        "representation": selection.representation,
        "n_neighbors": selection.n_neighbors,
        "neighbor_mi": information,
        "clustering": fingerprint(results[f"{best}_assignments"]),
        "sizes": {int(number): int(size) for number, size in zip(numbers, sizes, strict=True)},
    }


def draw_comparison(
    table: pd.DataFrame, best: dict, methods: dict[str, MethodParameters]
) -> Figure:
    """All scores of all methods beside the published ones."""
    shown = {name: methods[name] for name in table["method"]}
    titles = {name: m.title for name, m in shown.items()}
    published = {name: m.thesis_scores.model_dump() for name, m in shown.items() if m.thesis_scores}
    return comparison_figure(table, titles, published, best)
