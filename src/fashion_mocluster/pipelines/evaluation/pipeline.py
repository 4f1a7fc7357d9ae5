"""Representations, then one small pipeline per method, then the comparison."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.cluster_finetuning.pipeline import (
    FINETUNINGS,
    finetuned_embedding_pipeline,
)
from fashion_mocluster.pipelines.evaluation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline


def create_pipeline(methods: dict[str, str], judge: str) -> Pipeline:
    """The comparison.

    Args:
        methods: Name of each method and of the representation it clusters.
        judge: The representation whose neighbours decide which row is best.
    """
    parts = [_representation(name) for name in sorted({*methods.values(), judge})]
    parts += [_method(name, representation) for name, representation in methods.items()]
    return sum([*parts, _comparison(list(methods), judge)], Pipeline([]))


def _representation(name: str) -> Pipeline:
    """What makes the table ``<name>_embeddings``."""
    trained = {
        "moco": lambda: embedding_pipeline("moco_pretraining", "moco"),
        "published": _published_representation,
    }
    for f in FINETUNINGS:
        trained[f"{f}_finetuned"] = lambda f=f: finetuned_embedding_pipeline(f)
    if name in trained:
        return trained[name]()
    pixels = Node(nodes.tabulate_pixels, "images", "pixels_embeddings", name="tabulate_pixels")
    pca = Node(
        nodes.reduce_pixels,
        ["pixels_embeddings", "params:evaluation.pca_components", "params:evaluation.seed"],
        "pca_embeddings",
        name="reduce_pixels",
    )
    external = Node(
        nodes.read_external_embeddings,
        ["external_embeddings_file", "images"],
        "external_embeddings",
        name="read_external_embeddings",
    )
    plain = {
        "pixels": ([pixels], "images"),
        "pca": ([pixels, pca], "images"),
        "external": ([external], "images", "external_embeddings_file"),
    }
    if name not in plain:
        raise ValueError(
            f"evaluation.methods: unknown representation {name!r}; known are "
            f"{', '.join(sorted([*plain, *trained]))}"
        )
    made_of, *inputs = plain[name]
    return Pipeline(
        made_of,
        namespace="evaluation",
        inputs=set(inputs),
        outputs={node.outputs[0] for node in made_of},
        parameters={p for node in made_of for p in node.inputs if p.startswith("params:")},
    )


def _published_representation() -> Pipeline:
    steps = "evaluation.published_embedding"
    read = Pipeline(
        [
            Node(
                nodes.read_published_weights,
                ["published_weights_file", "images", "pixel_statistics", f"params:{steps}"],
                "published_weights",
                name="read_published_weights",
            )
        ],
        namespace="evaluation",
        inputs={"published_weights_file", "images", "pixel_statistics"},
        outputs={"published_weights"},
        parameters={f"params:{steps}"},
    )
    return read + embedding_pipeline("evaluation.published", "published", steps)


def _method(name: str, representation: str) -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.assign_clusters,
                ["embeddings", "params:method", "params:n_clusters", "params:evaluation.seed"],
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
                ["embeddings", "clusters", "cost", "params:method"],
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
                [
                    "embeddings",
                    "clusters",
                    "distribution",
                    "params:method",
                    "params:evaluation.seed",
                ],
                "figures",
                name="draw_method",
            ),
        ],
        namespace=f"evaluation.{name}",
        inputs={"embeddings": f"{representation}_embeddings", "labels": "labels"},
        outputs={"scores": f"{name}_scores", "assignments": f"{name}_assignments"},
        parameters={
            "params:method": f"params:evaluation.methods.{name}",
            "params:n_clusters": "params:n_clusters",
            "params:evaluation.seed": "params:evaluation.seed",
            "params:data": "params:data",
        },
    )


def _comparison(names: list[str], judge: str) -> Pipeline:
    scores = [f"{name}_scores" for name in names]
    assignments = [f"{name}_assignments" for name in names]
    return Pipeline(
        [
            Node(
                nodes.compare_methods,
                [
                    "params:evaluation.methods",
                    "params:evaluation.selection",
                    f"{judge}_embeddings",
                    *scores,
                    *assignments,
                ],
                ["clustering_comparison", "best_method"],
                name="compare_methods",
            ),
            Node(
                nodes.draw_comparison,
                ["clustering_comparison", "best_method", "params:evaluation.methods"],
                "comparison_figure",
                name="draw_comparison",
            ),
        ],
        namespace="evaluation",
        inputs={*scores, *assignments, f"{judge}_embeddings"},
        outputs={"clustering_comparison", "best_method", "comparison_figure"},
        parameters={"params:evaluation.methods", "params:evaluation.selection"},
    )
