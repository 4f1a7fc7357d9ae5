"""Nodes of ``evaluation``. Labels are looked at here, and only to score."""

import logging
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation.parameters import ModelSelectionParameters
from fashion_mocluster.pipelines.moco_pretraining.nodes import embeddings_table

logger = logging.getLogger(__name__)

# Images shown of each kind and cluster.
EXAMPLES = 10


def tabulate_pixels(images: np.ndarray) -> tuple[pd.DataFrame, dict]:
    """Raw pixels as a representation, float32, one column per pixel; and what that cost."""
    from fashion_mocluster.cost import measure

    x, cost = measure(lambda: images.reshape(len(images), -1).astype(np.float32))
    return embeddings_table(x), asdict(cost)


def reduce_pixels(pixels: pd.DataFrame, n_components: int, seed: int) -> tuple[pd.DataFrame, dict]:
    """Principal components of the standardized pixels, as many as the data has at most; and what
    they cost.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    from fashion_mocluster.cost import measure

    x = pixels.to_numpy()
    pca = PCA(min(n_components, *x.shape), random_state=seed)
    z, cost = measure(lambda: pca.fit_transform(StandardScaler().fit_transform(x)))
    return embeddings_table(z), asdict(cost)


def read_external_embeddings(
    external: pd.DataFrame, images: np.ndarray
) -> tuple[pd.DataFrame, dict]:
    """Embeddings somebody else made, without their label column; reading them costs nothing here.

    Raises:
        ValueError: Not one row per image, no ``feature_0 ...`` columns, or values missing.
    """
    features = external.drop(columns="label", errors="ignore")
    expected = [f"feature_{i}" for i in range(features.shape[1])]
    what = "evaluation.external_embeddings"
    if not expected or list(features.columns) != expected:
        raise ValueError(
            f"{what}: columns must be 'label' (optional), 'feature_0', 'feature_1', ...; found "
            f"{list(external.columns[:4])}..."
        )
    if len(features) != len(images):
        raise ValueError(f"{what}: {len(features)} rows for {len(images)} images")
    bad = ~np.isfinite(features.apply(pd.to_numeric, errors="coerce").to_numpy(float))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(f"{what}: line {row + 2}, column {expected[column]!r} is not a number")
    return features.astype(np.float32), {"time_s": 0.0, "memory_mb": 0.0}


def read_published_weights(
    file: dict, images: np.ndarray, pixel_statistics: dict, embedding: EmbeddingParameters
) -> dict:
    """A bare state dict as weights of this project, its architecture read from the tensors.

    Args:
        file: ``state`` and, for messages, its ``origin``.
        embedding: Its ``preprocessing`` is kept with the weights.

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
        images.shape[1:],
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
) -> tuple[np.ndarray, dict]:
    """Labels int64 (N,) by one method, and its time and memory.

    Args:
        pixel_clusters: Where the method has a ``reference``: a cluster for each image.
    """
    from fashion_mocluster.clustering.clusterers import cluster, prepare
    from fashion_mocluster.cost import measure

    x, clusterer = embeddings.to_numpy(), method.clusterer
    reference = None if pixel_clusters is None else pixel_clusters["cluster"].to_numpy()
    labels, cost = measure(
        lambda: cluster(prepare(x, clusterer), clusterer, n_clusters, seed, reference)
    )
    logger.info("%s: %.1f s", method.title, cost.time_s)
    return labels, asdict(cost)


def tabulate_clusters(assignments: np.ndarray, labels: np.ndarray | None) -> pd.DataFrame:
    """Index and cluster of every image, and its label where known."""
    table = pd.DataFrame({"index": np.arange(len(assignments)), "cluster": assignments})
    return table if labels is None else table.assign(label=labels)


def score_clusters(
    embeddings: pd.DataFrame, clusters: pd.DataFrame, cost: dict, method: MethodParameters
) -> dict:
    """One row of the comparison, without the method's name; no label scores without labels."""
    from fashion_mocluster.clustering.clusterers import prepare
    from fashion_mocluster.clustering.scores import label_free_scores, label_scores

    assigned = clusters["cluster"].to_numpy()
    known = "label" in clusters
    clusterer = method.clusterer
    steps = ["standardize"] * clusterer.standardize + ["umap"] * (clusterer.manifold is not None)
    return {
        "representation": method.representation,
        "clusterer": "+".join([*steps, clusterer.kind]),
        "n_images": len(assigned),
        **(label_scores(clusters["label"].to_numpy(), assigned) if known else {}),
        **label_free_scores(prepare(embeddings.to_numpy(), clusterer), assigned),
        **cost,
    }


def tabulate_distribution(clusters: pd.DataFrame, data: DataParameters) -> pd.DataFrame:
    """Classes within each cluster; empty without labels."""
    from fashion_mocluster.reporting.distribution import distribution_table

    return distribution_table(clusters, data.class_names or [])


def project_embeddings(embeddings: pd.DataFrame, kind: str, seed: int) -> pd.DataFrame:
    """Two dimensions of a representation, named by what they are; the same for all its methods."""
    from fashion_mocluster.clustering.projection import project

    names = {"pca": "Principal component", "umap": "UMAP", "tsne": "t-SNE"}
    columns = [f"{names[kind]} {i}" for i in (1, 2)]
    return pd.DataFrame(project(embeddings.to_numpy(), kind, seed), columns=columns)


def draw_method(
    projection: pd.DataFrame,
    clusters: pd.DataFrame,
    distribution: pd.DataFrame,
    method: MethodParameters,
) -> dict[str, Figure]:
    """Scatter by cluster and by label, class distribution and confusion; without labels only
    what needs none.
    """
    from fashion_mocluster.clustering.scores import match_clusters
    from fashion_mocluster.reporting import distribution as bars
    from fashion_mocluster.reporting import scatter

    assigned, title = clusters["cluster"].to_numpy(), method.title
    numbers = [str(c) for c in range(assigned.max() + 1)]
    by_cluster = scatter.scatter_figure(projection, assigned, numbers, f"{title}: by cluster")
    if "label" not in clusters:
        return {
            "scatter_by_cluster": by_cluster,
            "cluster_sizes": bars.cluster_size_figure(assigned, title),
        }
    table = bars.contingency(distribution)
    counts, names = table.to_numpy(), list(table.columns.get_level_values("Label_Name"))
    classes = np.unique(clusters["label"], return_inverse=True)[1]
    return {
        "scatter_by_cluster": by_cluster,
        "scatter_by_label": scatter.scatter_figure(
            projection, classes, names, f"{title}: by true label"
        ),
        "distribution": bars.distribution_figure(counts, names, title),
        "confusion": bars.confusion_figure(counts, match_clusters(counts.T), names, title),
    }


def draw_examples(
    images: np.ndarray,
    embeddings: pd.DataFrame,
    clusters: pd.DataFrame,
    selection: ModelSelectionParameters,
    method: MethodParameters,
) -> Figure:
    """The most typical and the hardest images of each cluster, by what their neighbors are in."""
    from fashion_mocluster.clustering.scores import matched_classes
    from fashion_mocluster.clustering.typicality import neighbor_agreement, typical_and_borderline
    from fashion_mocluster.reporting.contact_sheet import examples_figure

    z, assigned = embeddings.to_numpy(), clusters["cluster"].to_numpy()
    agreement = neighbor_agreement(z, assigned, selection.n_neighbors)
    strange = None
    if "label" in clusters:
        labels = clusters["label"].to_numpy()
        strange = labels != matched_classes(labels, assigned)
    examples = typical_and_borderline(z, assigned, agreement, EXAMPLES)
    return examples_figure(images, examples, strange, method.title)


def compare_methods(
    methods: dict[str, MethodParameters],
    selection: ModelSelectionParameters,
    embeddings: pd.DataFrame,
    *results: dict | np.ndarray,
    names: list[str],
) -> tuple[pd.DataFrame, dict]:
    """The comparison table, and which row is best by a criterion that sees no labels.

    Scores such as the silhouette are measured in a space of each row's own; neighbor information
    is measured for all rows on the neighbors in ``embeddings``, as unit vectors.

    Args:
        methods: All methods by name.
        results: Score rows of the methods run, then their assignments.
        names: The methods run, in order.
    """
    from fashion_mocluster.clustering.neighbors import nearest_neighbors, unit
    from fashion_mocluster.clustering.scores import neighbor_information
    from fashion_mocluster.reporting.comparison import comparison_table, printed_table

    rows, assignments = results[: len(names)], results[len(names) :]
    table = comparison_table(
        [{"method": name, **row} for name, row in zip(names, rows, strict=True)]
    )
    z = unit(embeddings.to_numpy())
    neighbors, _ = nearest_neighbors(z, min(selection.n_neighbors, len(z) - 1))
    information = {
        name: neighbor_information(neighbors, labels)
        for name, labels in zip(names, assignments, strict=True)
    }
    best = max(names, key=information.get)
    titles = {name: methods[name].title for name in names}
    logger.info("\n%s", printed_table(table, titles, information, best))
    return table, {
        "method": best,
        "criterion": "neighbor information in nats, no labels seen",
        "representation": selection.representation,
        "n_neighbors": selection.n_neighbors,
        "neighbor_information": information,
    }


def draw_comparison(
    table: pd.DataFrame, best: dict, methods: dict[str, MethodParameters]
) -> Figure:
    """All scores of all methods beside the published ones."""
    from fashion_mocluster.reporting.comparison import comparison_figure

    shown = {name: methods[name] for name in table["method"]}
    titles = {name: m.title for name, m in shown.items()}
    published = {name: m.thesis_scores.model_dump() for name, m in shown.items() if m.thesis_scores}
    return comparison_figure(table, titles, published, best["method"])


def describe_run(parameters: dict) -> dict:
    """Parameters, versions and hardware of this run."""
    from fashion_mocluster.reporting.run_info import run_info

    return run_info(parameters)
