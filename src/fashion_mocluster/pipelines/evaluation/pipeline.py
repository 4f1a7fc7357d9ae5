"""Representations, then one small pipeline per method, then the comparison."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.cluster_finetuning.pipeline import (
    FINETUNINGS,
    finetuned_embedding_pipeline,
)
from fashion_mocluster.pipelines.evaluation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline


def create_pipeline(methods: dict[str, str]) -> Pipeline:
    """The comparison.

    Args:
        methods: Name of each method and of the representation it clusters.
    """
    parts = [_representation(name) for name in sorted(set(methods.values()))]
    parts += [_method(name, representation) for name, representation in methods.items()]
    return sum([*parts, _comparison(list(methods))], Pipeline([]))


def _representation(name: str) -> Pipeline:
    """What makes the table ``<name>_embeddings``."""
    trained = {"moco": lambda: embedding_pipeline("moco_pretraining", "moco_embeddings")}
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
    plain = {"pixels": [pixels], "pca": [pixels, pca], "external": [external]}
    if name not in plain:
        raise ValueError(
            f"evaluation.methods: unknown representation {name!r}; known are "
            f"{', '.join(sorted([*plain, *trained]))}"
        )
    return Pipeline(plain[name])


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
                ["embeddings", "assignments", "cost", "labels", "params:method"],
                "scores",
                name="score_clusters",
            ),
            Node(
                nodes.tabulate_distribution,
                ["assignments", "labels", "params:data"],
                "distribution",
                name="tabulate_distribution",
            ),
            Node(
                nodes.draw_method,
                [
                    "embeddings",
                    "assignments",
                    "labels",
                    "params:method",
                    "params:data",
                    "params:evaluation.seed",
                ],
                "figures",
                name="draw_method",
            ),
        ],
        namespace=f"evaluation.{name}",
        inputs={"embeddings": f"{representation}_embeddings", "labels": "labels"},
        parameters={
            "params:method": f"params:evaluation.methods.{name}",
            "params:n_clusters": "params:n_clusters",
            "params:evaluation.seed": "params:evaluation.seed",
            "params:data": "params:data",
        },
    )


def _comparison(names: list[str]) -> Pipeline:
    return Pipeline(
        [
            Node(
                nodes.compare_methods,
                [
                    "params:evaluation.methods",
                    *(f"evaluation.{name}.scores" for name in names),
                    *(f"evaluation.{name}.assignments" for name in names),
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
        ]
    )
