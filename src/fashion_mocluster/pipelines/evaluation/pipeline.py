"""Representations, then one small pipeline per method, then the comparison."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.evaluation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    bound,
    embedding_pipeline,
    whitening_pipeline,
)
from fashion_mocluster.representations import WHITENED, encoder_of


def create_pipeline(
    methods: dict[str, str], judge: str, encoders: dict[str, str], with_reference: set[str]
) -> Pipeline:
    """The comparison.

    Args:
        methods: Name of each method and of the representation it clusters.
        judge: The representation whose neighbors decide which row is best.
        encoders: The representations that a trained encoder makes, and the namespace of each.
        with_reference: The methods that take ``pixel_clusters``.
    """
    parts = [_representation(name, encoders) for name in sorted({*methods.values(), judge})]
    parts += [_shared(name) for name in sorted({*methods.values(), judge})]
    parts += [_method(name, of, name in with_reference) for name, of in methods.items()]
    return sum([*parts, _comparison(list(methods), judge)], Pipeline([]))


def _representation(name: str, encoders: dict[str, str]) -> Pipeline:
    """What makes the table ``<name>_embeddings``."""
    if name in encoders:
        return embedding_pipeline(encoders[name], name)
    if encoder_of(name) in encoders:
        return whitening_pipeline(f"evaluation.{name}", encoder_of(name))
    if name == "external_encoder":
        return _published_representation()
    made = {n: [f"{n}_embeddings", f"{n}_embedding_cost"] for n in ("pixels", "pca", "external")}
    pixels = Node(nodes.tabulate_pixels, "images", made["pixels"], name="tabulate_pixels")
    pca = Node(
        nodes.reduce_pixels,
        ["pixels_embeddings", "params:evaluation.pca_components", "params:evaluation.seed"],
        made["pca"],
        name="reduce_pixels",
    )
    external = Node(
        nodes.read_external_embeddings,
        ["external_embeddings_file", "images"],
        made["external"],
        name="read_external_embeddings",
    )
    plain = {
        "pixels": ([pixels], "images"),
        "pca": ([pixels, pca], "images"),
        "external": ([external], "images", "external_embeddings_file"),
    }
    if name not in plain:
        raise ValueError(
            f"evaluation: unknown representation {name!r}; known are "
            f"{', '.join(sorted([*plain, *encoders, 'external_encoder']))}, and those of encoders with "
            f"{WHITENED!r} after the name"
        )
    made_of, *inputs = plain[name]
    return Pipeline(
        made_of,
        namespace="evaluation",
        inputs=set(inputs),
        outputs={output for node in made_of for output in node.outputs},
        parameters={p for node in made_of for p in node.inputs if p.startswith("params:")},
    )


def _shared(representation: str) -> Pipeline:
    """What all methods on a representation use: its two-dimensional projection and its neighbors."""
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
                ["embeddings", selection],
                "neighbors",
                name=f"find_neighbors_{representation}",
            ),
        ],
        namespace="evaluation",
        inputs={"embeddings": f"{representation}_embeddings"},
        outputs={
            "projection": f"{representation}_projection",
            "neighbors": f"{representation}_neighbors",
        },
        parameters={"params:evaluation.projection", "params:evaluation.seed", selection},
    )


def _published_representation() -> Pipeline:
    steps = "evaluation.external_weights_embedding"
    read = Pipeline(
        [
            Node(
                nodes.read_published_weights,
                ["external_weights_file", "images", "pixel_statistics", f"params:{steps}"],
                "external_encoder_weights",
                name="read_published_weights",
            )
        ],
        namespace="evaluation",
        inputs={"external_weights_file", "images", "pixel_statistics"},
        outputs={"external_encoder_weights"},
        parameters={f"params:{steps}"},
    )
    return read + embedding_pipeline("evaluation.external_encoder", "external_encoder", steps)


def _method(name: str, representation: str, with_reference: bool) -> Pipeline:
    reference = ["pixel_clusters"] * with_reference
    return Pipeline(
        [
            Node(
                nodes.assign_clusters,
                [
                    *("embeddings", "params:method", "params:n_clusters", "params:evaluation.seed"),
                    *reference,
                ],
                ["assignments", "cost"],
                name="assign_clusters",
            ),
            Node(
                nodes.tabulate_clusters,
                ["assignments", "labels"],
                "clusters",
                name="tabulate_clusters",
            ),
            Node(
                nodes.score_clusters,
                ["embeddings", "clusters", "cost", "params:method", "params:n_clusters"],
                "scores",
                name="score_clusters",
            ),
            Node(
                nodes.tabulate_distribution,
                ["clusters", "params:data"],
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
            "embeddings": f"{representation}_embeddings",
            "projection": f"{representation}_projection",
            "neighbors": f"{representation}_neighbors",
            "labels": "labels",
            "images": "images",
            **dict.fromkeys(reference, "pixel_clusters"),
        },
        outputs={"scores": f"{name}_scores", "assignments": f"{name}_assignments"},
        parameters={
            "params:method": f"params:evaluation.methods.{name}",
            "params:n_clusters": "params:n_clusters",
            "params:evaluation.seed": "params:evaluation.seed",
            "params:data": "params:data",
        },
    )


def _comparison(names: list[str], judge: str) -> Pipeline:
    results = {f"{name}_{kind}" for name in names for kind in ("scores", "assignments")}
    return Pipeline(
        [
            Node(
                bound(nodes.compare_methods, names=names),
                {
                    "methods": "params:evaluation.methods",
                    "selection": "params:evaluation.model_selection",
                    "neighbors": f"{judge}_neighbors",
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
        inputs={*results, f"{judge}_neighbors"},
        outputs={"clustering_comparison", "best_method", "comparison_figure", "run_info"},
        parameters={"params:evaluation.methods", "params:evaluation.model_selection", "parameters"},
    )
