"""One reuse of the pretraining pipeline per case, then a table and a figure."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.ablation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import pretraining_pipeline
from fashion_mocluster.pipelines.namespaces import in_namespace


def create_pipeline(cases: list[str]) -> Pipeline:
    """The ablation.

    Args:
        cases: Letters of the cases to run, in order.
    """
    return sum([*map(_case, cases), _collection(cases)], Pipeline([]))


def _case(case: str) -> Pipeline:
    namespace = f"ablation.case_{case}"
    recipe = f"ablation.cases.{case}"
    score = Node(
        nodes.score_case,
        [
            *("embeddings", "history", "labels", "params:recipe", "params:ablation.clusterer"),
            *("params:n_clusters", "params:ablation.seed"),
        ],
        "scores",
        name="score_case",
    )
    scoring = in_namespace(
        namespace,
        [score],
        inputs={"labels": "labels", "embeddings": f"ablation_{case}_embeddings"},
        outputs={"scores": f"ablation_{case}_scores"},
        recipe=recipe,
    )
    return pretraining_pipeline(namespace, recipe, f"ablation_{case}") + scoring


def _collection(cases: list[str]) -> Pipeline:
    scores = [f"ablation_{case}_scores" for case in cases]
    return in_namespace(
        "ablation",
        [
            Node(
                nodes.tabulate_ablation,
                ["params:ablation.run", *scores],
                "ablation_table",
                name="tabulate_ablation",
            ),
            Node(
                nodes.draw_ablation,
                ["ablation_table", "params:ablation.thesis_scores"],
                "ablation_figure",
                name="draw_ablation",
            ),
        ],
        inputs=scores,
        outputs={"ablation_table", "ablation_figure"},
    )
