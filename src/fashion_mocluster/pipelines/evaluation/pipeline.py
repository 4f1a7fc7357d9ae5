"""Representations, then one small pipeline per method, then the comparison and the gallery."""

from collections.abc import Collection

from kedro.pipeline import Pipeline

from fashion_mocluster.clustering.parameters import (
    MethodParameters,
    starts_from_method,
    starts_from_pixel_clusters,
)
from fashion_mocluster.parameters import AUTO, ProjectParameters
from fashion_mocluster.pipelines.evaluation import (
    backbone,
    chosen,
    cluster_names,
    joined,
    nodes,
    preparation,
    untrained,
)
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    embedding_pipeline,
    whitening_pipeline,
)
from fashion_mocluster.pipelines.wiring import bind, nodes_in
from fashion_mocluster.reporting.distribution import distribution_table
from fashion_mocluster.reporting.run_info import run_info
from fashion_mocluster.representations import encoder_of


def create_pipeline(p: ProjectParameters) -> Pipeline:
    """The comparison of the methods that the parameters run."""
    methods, criterion = p.methods_run, p.evaluation.model_selection.representation
    named, set_aside = p.data.cluster_names is not None, p.evaluation.screening.sets_aside
    is_auto = p.n_clusters == AUTO
    # Where the number comes from: a node, or the user.
    n_clusters = "n_clusters" if is_auto else "params:n_clusters"
    representations = {name: method.representation for name, method in methods.items()}
    made = sorted({*representations.values(), criterion})
    screened = ["screened"] if set_aside else []
    parts = [_representation(name, p.encoder_namespaces, p.joined) for name in made]
    parts += [preparation.create_pipeline(criterion, auto=is_auto, set_aside=set_aside)]
    parts += [_shared(name, screened) for name in made]
    parts += [
        _method(name, method, n_clusters, screened, named=named) for name, method in methods.items()
    ]
    parts += [_comparison(list(methods), criterion, n_clusters, p.equal_sizes_assumed)]
    parts += [cluster_names.create_pipeline(methods)] if named else []
    return sum(parts, chosen.create_pipeline(representations, named=named))


def _representation(
    name: str, encoders: dict[str, str], joined_representations: dict[str, dict[str, float]]
) -> Pipeline:
    """What makes the table ``<name>_embeddings``."""
    if name in joined_representations:
        parts = joined_representations[name]
        made = [_representation(part, encoders, {}) for part in parts]
        return sum(made, joined.create_pipeline(name, parts))
    if name == "backbone":
        return backbone.create_pipeline()
    encoder = encoder_of(name)
    if encoder in ("hog", "patches"):
        load = untrained.weights_pipeline(encoder, "evaluation")
        if name == encoder:
            return load + embedding_pipeline(f"evaluation.{name}", name)
        return load + whitening_pipeline(f"evaluation.{name}", encoder, f"{encoder}_whitening")
    if name in encoders:
        return embedding_pipeline(encoders[name], name)
    if encoder in encoders:
        whitened = whitening_pipeline(f"evaluation.{name}", encoder)
        is_backbone = encoder == "backbone"
        return whitened + untrained.weights_pipeline(encoder) if is_backbone else whitened
    if name == "external_encoder":
        return _external_encoder()
    pixels = (nodes.tabulate_pixels, "images", ["pixels_embeddings", "pixels_embedding_cost"])
    pca = (
        nodes.reduce_pixels,
        ["pixels_embeddings", "params:evaluation.pca_components", "params:evaluation.seed"],
        ["pca_embeddings", "pca_embedding_cost", "pca_steps"],
    )
    external = (
        nodes.read_external_embeddings,
        ["external_embeddings_file", "images"],
        ["external_embeddings", "external_embedding_cost"],
    )
    steps = {"pixels": [pixels], "pca": [pixels, pca], "external": [external]}
    return nodes_in("evaluation", *steps[name])


def _shared(representation: str, screened: list[str]) -> Pipeline:
    """What all methods on a representation use: its two-dimensional projection and its neighbors, and
    what ``predict`` compares the distances of new images with.

    Args:
        screened: The dataset that says which images are set aside; empty where none are.
    """
    embeddings = f"{representation}_embeddings"
    return nodes_in(
        "evaluation",
        (
            nodes.project_embeddings,
            [embeddings, "params:evaluation.projection", "params:evaluation.seed"],
            f"{representation}_projection",
            f"project_{representation}",
        ),
        (
            nodes.find_neighbors,
            [embeddings, "params:evaluation.model_selection", *screened],
            [f"{representation}_neighbors", f"{representation}_neighbor_distances"],
            f"find_neighbors_{representation}",
        ),
    )


def _external_encoder() -> Pipeline:
    steps = "evaluation.external_weights_embedding"
    inputs = ["external_weights_file", "images", "pixel_statistics", f"params:{steps}"]
    read = (nodes.read_external_weights, inputs, "external_encoder_weights")
    embedding = embedding_pipeline("evaluation.external_encoder", "external_encoder", steps)
    return nodes_in("evaluation", read) + embedding


def _method(
    name: str, method: MethodParameters, n_clusters: str, screened: list[str], *, named: bool
) -> Pipeline:
    """Clusters, scores, tables and figures of one method.

    Args:
        named: Whether clusters get names, and with them their place among the results, later.
    """
    namespace = f"evaluation.{name}"
    clusters = f"{namespace}.clusters" if named else f"{name}_clusters"
    embeddings, projection, neighbors = (
        f"{method.representation}_{made}" for made in ("embeddings", "projection", "neighbors")
    )
    starts = ["pixel_clusters"] if starts_from_pixel_clusters(method.clusterer) else []
    other = starts_from_method(method.clusterer)
    start = {"init_labels": f"{other}_assignments"} if other else {}
    assignments, cost, distribution = (
        f"{name}_assignments",
        f"{namespace}.cost",
        f"{namespace}.distribution",
    )
    parameters = f"params:evaluation.methods.{name}"
    return nodes_in(
        namespace,
        (
            nodes.assign_clusters,
            {
                "embeddings": embeddings,
                "method": parameters,
                "n_clusters": n_clusters,
                "seed": "params:evaluation.seed",
                **{dataset: dataset for dataset in (*starts, *screened)},
                **start,
            },
            [assignments, cost],
        ),
        (nodes.tabulate_clusters, [assignments, neighbors, "image_paths", "labels"], clusters),
        (
            nodes.score_clusters,
            [embeddings, clusters, cost, parameters, n_clusters],
            f"{name}_scores",
        ),
        (distribution_table, [clusters, "class_names"], distribution, "tabulate_distribution"),
        (
            nodes.draw_method,
            [projection, clusters, distribution, parameters],
            f"{namespace}.figures",
        ),
        (
            nodes.draw_examples,
            ["images", embeddings, neighbors, clusters, parameters],
            f"{namespace}.examples",
        ),
    )


def _comparison(
    names: list[str], criterion_representation: str, n_clusters: str, equal_sizes: Collection[str]
) -> Pipeline:
    results = sorted(f"{name}_{kind}" for name in names for kind in ("scores", "assignments"))
    return nodes_in(
        "evaluation",
        (
            bind(nodes.compare_methods, names=names, equal_sizes=equal_sizes),
            {
                "methods": "params:evaluation.methods",
                "selection": "params:evaluation.model_selection",
                "neighbors": f"{criterion_representation}_neighbors",
                "n_clusters": n_clusters,
                **{result: result for result in results},
            },
            ["clustering_comparison", "best_method"],
        ),
        (
            nodes.draw_comparison,
            ["clustering_comparison", "best_method", "params:evaluation.methods"],
            "comparison_figure",
        ),
        (run_info, "parameters", "run_info", "describe_run"),
    )
