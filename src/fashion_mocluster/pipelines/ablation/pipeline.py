"""One reuse of the pretraining pipeline per case, then a table and a figure."""

from kedro.pipeline import Pipeline

from fashion_mocluster.pipelines.ablation import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import pretraining_pipeline
from fashion_mocluster.pipelines.wiring import nodes_in


def create_pipeline(cases: list[str]) -> Pipeline:
    """The ablation.

    Args:
        cases: Letters of the cases to run, in order.
    """
    return sum([*map(_case, cases), _collection(cases)], Pipeline([]))


def _case(case: str) -> Pipeline:
    namespace, recipe, name = f"ablation.case_{case}", f"ablation.cases.{case}", f"ablation_{case}"
    inputs = [
        *(f"{name}_embeddings", f"{namespace}.history", "labels", f"params:{recipe}"),
        *("params:ablation.clusterer", "params:n_clusters", "params:ablation.seed"),
    ]
    score = nodes_in(namespace, (nodes.score_case, inputs, f"{name}_scores"))
    return pretraining_pipeline(namespace, recipe, name) + score


def _collection(cases: list[str]) -> Pipeline:
    scores = [f"ablation_{case}_scores" for case in cases]
    published = "params:ablation.thesis_scores"
    return nodes_in(
        "ablation",
        (nodes.tabulate_ablation, ["params:ablation.run", *scores], "ablation_table"),
        (nodes.draw_ablation, ["ablation_table", published], "ablation_figure"),
    )
