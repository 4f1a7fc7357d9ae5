"""One reuse of the pretraining pipeline per case, then a table and a figure."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.ablation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import pretraining_pipeline


def create_pipeline(cases: list[str]) -> Pipeline:
    """The ablation.

    Args:
        cases: Letters of the cases to run, in order.
    """
    return sum([*map(_case, cases), _collection(cases)], Pipeline([]))


def _case(case: str) -> Pipeline:
    namespace, recipe, name = f"ablation.case_{case}", f"ablation.cases.{case}", f"ablation_{case}"
    score = Node(
        nodes.score_case,
        [
            *(f"{name}_embeddings", f"{namespace}.history", "labels", f"params:{recipe}"),
            *("params:ablation.clusterer", "params:n_clusters", "params:ablation.seed"),
        ],
        f"{name}_scores",
        name="score_case",
        namespace=namespace,
    )
    return pretraining_pipeline(namespace, recipe, name) + Pipeline([score])


def _collection(cases: list[str]) -> Pipeline:
    scores = [f"ablation_{case}_scores" for case in cases]
    return Pipeline(
        [
            Node(
                nodes.tabulate_ablation,
                ["params:ablation.run", *scores],
                "ablation_table",
                name="tabulate_ablation",
                namespace="ablation",
            ),
            Node(
                nodes.draw_ablation,
                ["ablation_table", "params:ablation.thesis_scores"],
                "ablation_figure",
                name="draw_ablation",
                namespace="ablation",
            ),
        ]
    )
