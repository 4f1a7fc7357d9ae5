"""What each finding about the published scripts is worth: one pretraining and one finetuning per
case, then a table and a figure.
"""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.ablation import nodes
from fashion_mocluster.pipelines.ablation.parameters import StudyParameters
from fashion_mocluster.pipelines.cluster_finetuning.pipeline import finetuning_pipeline
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    bound,
    embedding_pipeline,
    pretraining_pipeline,
)

# Embeddings that are clustered in each case.
ROWS = ("moco", "finetuned")


def create_pipeline(study: StudyParameters) -> Pipeline:
    """The study. Cases that do not differ in the pretraining share one."""
    first: dict[str, str] = {}
    parts = []
    for case, recipe in study.cases.items():
        trainer = first.setdefault(recipe.moco.model_dump_json(), case)
        parts.append(_case(case, trainer, recipe.finetuning.selection))
    return sum([*parts, _collection(list(study.cases))], Pipeline([]))


def _case(case: str, trainer: str, selection: str) -> Pipeline:
    name, recipe = f"study_{case}", f"study.cases.{case}"
    namespace, weights = f"study.{case}.moco", f"study_{trainer}_weights"
    moco = [f"{recipe}.moco", name, f"{recipe}.embedding"]
    if trainer == case:
        pretraining = pretraining_pipeline(namespace, *moco)
    else:
        pretraining = embedding_pipeline(namespace, *moco[1:], weights)
    finetuning = finetuning_pipeline(
        *(name, selection, f"study.{case}.finetuning", f"{recipe}.finetuning"),
        *(weights, f"{recipe}.embedding"),
    )
    scores = [
        _score(case, "moco", f"{name}_embeddings", f"study_{trainer}_training_cost"),
        _score(
            case, "finetuned", f"{name}_finetuned_embeddings", f"{name}_finetuned_training_cost"
        ),
    ]
    return sum(scores, pretraining + finetuning)


def _score(case: str, row: str, embeddings: str, training_cost: str) -> Pipeline:
    return Pipeline(
        [
            Node(
                bound(nodes.score_study_case, row=row),
                [
                    *("embeddings", "training_cost", "labels", "params:study.clusterer"),
                    *("params:n_clusters", "params:evaluation.seed"),
                ],
                "scores",
                name=f"score_{row}",
            )
        ],
        namespace=f"study.{case}",
        inputs={
            "labels": "labels",
            "embeddings": embeddings,
            "training_cost": training_cost,
        },
        outputs={"scores": f"study_{case}_{row}_scores"},
        parameters={"params:study.clusterer", "params:n_clusters", "params:evaluation.seed"},
    )


def _collection(cases: list[str]) -> Pipeline:
    scores = [f"study_{case}_{row}_scores" for case in cases for row in ROWS]
    return Pipeline(
        [
            Node(
                bound(nodes.tabulate_study, cases=cases),
                ["params:study", *scores],
                "study_table",
                name="tabulate_study",
            )
        ],
        namespace="study",
        inputs=set(scores),
        outputs={"study_table"},
        parameters={"params:study"},
    )
