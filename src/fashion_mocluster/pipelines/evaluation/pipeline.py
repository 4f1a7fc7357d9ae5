"""Representations, then one small pipeline per method, then the comparison and the gallery."""

from collections.abc import Collection

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.clustering.parameters import (
    MethodParameters,
    starts_from_method,
    starts_from_pixel_clusters,
)
from fashion_mocluster.pipelines.evaluation import (
    backbone,
    chosen,
    cluster_names,
    gallery,
    joined,
    nodes,
    preparation,
    untrained,
)
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    bind,
    embedding_pipeline,
    whitening_pipeline,
)
from fashion_mocluster.representations import encoder_of


def create_pipeline(
    methods: dict[str, MethodParameters],
    criterion_representation: str,
    encoders: dict[str, str],
    joined_representations: dict[str, dict[str, float]],
    *,
    set_aside: bool = False,
    auto_n_clusters: bool = False,
    equal_sizes: Collection[str] = (),
    named: bool = False,
) -> Pipeline:
    """The comparison.

    Args:
        methods: The methods that are run, by name.
        criterion_representation: The representation whose neighbors decide which method is best.
        encoders: The representations that an encoder makes, and the namespace of each.
        joined_representations: Those that are others side by side: the weights of these by name.
        set_aside: Whether copies or outliers do not take part in the clustering.
        auto_n_clusters: Whether the number of clusters is to be found.
        equal_sizes: The methods that assume clusters of equal size.
        named: Whether the user has named the clusters.
    """
    # Where the number comes from: a node, or the user.
    n_clusters = "n_clusters" if auto_n_clusters else "params:n_clusters"
    representations = {name: method.representation for name, method in methods.items()}
    made = sorted({*representations.values(), criterion_representation})
    screened = ["screened"] if set_aside else []
    before = {"auto": auto_n_clusters, "set_aside": set_aside}
    parts = [_representation(name, encoders, joined_representations) for name in made]
    parts += [preparation.create_pipeline(criterion_representation, **before)]
    parts += [_shared(name, screened) for name in made]
    parts += [
        _method(name, method, n_clusters, screened, named=named) for name, method in methods.items()
    ]
    parts += [_comparison(list(methods), criterion_representation, n_clusters, equal_sizes)]
    parts += [cluster_names.create_pipeline(methods)] if named else []
    parts += [chosen.create_pipeline(representations, named=named)]
    return sum(parts, gallery.create_pipeline(named=named))


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
    pixels = Node(
        nodes.tabulate_pixels,
        "images",
        ["pixels_embeddings", "pixels_embedding_cost"],
        name="tabulate_pixels",
    )
    pca = Node(
        nodes.reduce_pixels,
        ["pixels_embeddings", "params:evaluation.pca_components", "params:evaluation.seed"],
        ["pca_embeddings", "pca_embedding_cost", "pca_steps"],
        name="reduce_pixels",
    )
    external = Node(
        nodes.read_external_embeddings,
        ["external_embeddings_file", "images"],
        ["external_embeddings", "external_embedding_cost"],
        name="read_external_embeddings",
    )
    steps = {"pixels": [pixels], "pca": [pixels, pca], "external": [external]}[name]
    inputs = {i for node in steps for i in node.inputs}
    outputs = {o for node in steps for o in node.outputs}
    parameters = {i for i in inputs if i.startswith("params:")}
    return Pipeline(
        steps,
        namespace="evaluation",
        inputs=inputs - outputs - parameters,
        outputs=outputs,
        parameters=parameters,
    )


def _shared(representation: str, screened: list[str]) -> Pipeline:
    """What all methods on a representation use: its two-dimensional projection and its neighbors, and
    what ``predict`` compares the distances of new images with.

    Args:
        screened: The dataset that says which images are set aside; empty where none are.
    """
    selection = "params:evaluation.model_selection"
    return Pipeline(
        [
            Node(
                nodes.project_embeddings,
                ["embeddings", "params:evaluation.projection", "params:evaluation.seed"],
                "projection",
                name=f"project_{representation}",
            ),
            Node(
                nodes.find_neighbors,
                ["embeddings", selection, *screened],
                ["neighbors", "neighbor_distances"],
                name=f"find_neighbors_{representation}",
            ),
        ],
        namespace="evaluation",
        inputs={"embeddings": f"{representation}_embeddings"} | {name: name for name in screened},
        outputs={
            output: f"{representation}_{output}"
            for output in ("projection", "neighbors", "neighbor_distances")
        },
        parameters={"params:evaluation.projection", "params:evaluation.seed", selection},
    )


def _external_encoder() -> Pipeline:
    steps = "evaluation.external_weights_embedding"
    read = Pipeline(
        [
            Node(
                nodes.read_external_weights,
                ["external_weights_file", "images", "pixel_statistics", f"params:{steps}"],
                "external_encoder_weights",
                name="read_external_weights",
            )
        ],
        namespace="evaluation",
        inputs={"external_weights_file", "images", "pixel_statistics"},
        outputs={"external_encoder_weights"},
        parameters={f"params:{steps}"},
    )
    return read + embedding_pipeline("evaluation.external_encoder", "external_encoder", steps)


def _method(
    name: str, method: MethodParameters, n_clusters: str, screened: list[str], *, named: bool
) -> Pipeline:
    """Clusters, scores, tables and figures of one method.

    Args:
        n_clusters: The dataset or parameter that holds the number of clusters.
        screened: The dataset that says which images are set aside; empty where none are.
        named: Whether clusters get names, and with them their place among the results, later.
    """
    clusters = f"evaluation.{name}.clusters" if named else f"{name}_clusters"
    starts = ["pixel_clusters"] if starts_from_pixel_clusters(method.clusterer) else []
    more = [*starts, *screened]
    other = starts_from_method(method.clusterer)
    start = {"init_labels": f"{other}_assignments"} if other else {}
    shared = {"images", "image_paths", "labels", "class_names", *more}
    shared |= {"params:evaluation.seed", n_clusters}
    parameters = {name for name in shared if name.startswith("params:")}
    return Pipeline(
        [
            Node(
                nodes.assign_clusters,
                {
                    "embeddings": "embeddings",
                    "method": "params:method",
                    "n_clusters": n_clusters,
                    "seed": "params:evaluation.seed",
                    **{dataset: dataset for dataset in [*more, *start]},
                },
                ["assignments", "cost"],
                name="assign_clusters",
            ),
            Node(
                nodes.tabulate_clusters,
                ["assignments", "neighbors", "image_paths", "labels"],
                "clusters",
                name="tabulate_clusters",
            ),
            Node(
                nodes.score_clusters,
                ["embeddings", "clusters", "cost", "params:method", n_clusters],
                "scores",
                name="score_clusters",
            ),
            Node(
                nodes.tabulate_distribution,
                ["clusters", "class_names"],
                "distribution",
                name="tabulate_distribution",
            ),
            Node(
                nodes.draw_method,
                ["projection", "clusters", "distribution", "params:method"],
                "figures",
                name="draw_method",
            ),
            Node(
                nodes.draw_examples,
                ["images", "embeddings", "neighbors", "clusters", "params:method"],
                "examples",
                name="draw_examples",
            ),
        ],
        namespace=f"evaluation.{name}",
        inputs={
            "embeddings": f"{method.representation}_embeddings",
            "projection": f"{method.representation}_projection",
            "neighbors": f"{method.representation}_neighbors",
            **{dataset: dataset for dataset in shared - parameters},
            **start,
        },
        outputs={
            **{kind: f"{name}_{kind}" for kind in ("scores", "assignments")},
            "clusters": clusters,
        },
        parameters={
            "params:method": f"params:evaluation.methods.{name}",
            **{parameter: parameter for parameter in parameters},
        },
    )


def _comparison(
    names: list[str], criterion_representation: str, n_clusters: str, equal_sizes: Collection[str]
) -> Pipeline:
    results = {f"{name}_{kind}" for name in names for kind in ("scores", "assignments")}
    inputs = {*results, f"{criterion_representation}_neighbors", n_clusters}
    parameters = {"params:evaluation.methods", "params:evaluation.model_selection", "parameters"}
    parameters |= {name for name in inputs if name.startswith("params:")}
    return Pipeline(
        [
            Node(
                bind(nodes.compare_methods, names=names, equal_sizes=equal_sizes),
                {
                    "methods": "params:evaluation.methods",
                    "selection": "params:evaluation.model_selection",
                    "neighbors": f"{criterion_representation}_neighbors",
                    "n_clusters": n_clusters,
                    **{result: result for result in sorted(results)},
                },
                ["clustering_comparison", "best_method"],
                name="compare_methods",
            ),
            Node(
                nodes.draw_comparison,
                ["clustering_comparison", "best_method", "params:evaluation.methods"],
                "comparison_figure",
                name="draw_comparison",
            ),
            Node(nodes.describe_run, "parameters", "run_info", name="describe_run"),
        ],
        namespace="evaluation",
        inputs=inputs - parameters,
        outputs={"clustering_comparison", "best_method", "comparison_figure", "run_info"},
        parameters=parameters,
    )
