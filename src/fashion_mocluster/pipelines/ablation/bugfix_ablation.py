"""The effect of each fault of the thesis's scripts: one pretraining and one finetuning per case, then
a table.
"""

from kedro.pipeline import Pipeline

from fashion_mocluster.pipelines.ablation import nodes
from fashion_mocluster.pipelines.ablation.parameters import BugfixAblationParameters
from fashion_mocluster.pipelines.cluster_finetuning.pipeline import finetuning_pipeline
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    embedding_pipeline,
    pretraining_pipeline,
)
from fashion_mocluster.pipelines.wiring import bind, nodes_in

# Embeddings that are clustered in each case.
ENCODERS = ("moco", "finetuned")


def create_pipeline(bugfix_ablation: BugfixAblationParameters) -> Pipeline:
    """All cases and their table. Cases that do not differ in the pretraining share one."""
    first: dict[str, str] = {}
    parts = []
    for case, recipe in bugfix_ablation.cases.items():
        trainer = first.setdefault(recipe.moco.model_dump_json(), case)
        parts.append(_case(case, trainer, recipe.finetuning.checkpoint_selection))
    return sum([*parts, _collection(list(bugfix_ablation.cases))], Pipeline([]))


def _case(case: str, trainer: str, selection: str) -> Pipeline:
    name, recipe = f"bugfix_ablation_{case}", f"bugfix_ablation.cases.{case}"
    namespace, weights = f"bugfix_ablation.{case}.moco", f"bugfix_ablation_{trainer}_weights"
    moco = [f"{recipe}.moco", name, f"{recipe}.embedding"]
    if trainer == case:
        pretraining = pretraining_pipeline(namespace, *moco)
    else:
        pretraining = embedding_pipeline(namespace, *moco[1:], weights)
    finetuning = finetuning_pipeline(
        name,
        selection,
        namespace=f"bugfix_ablation.{case}.finetuning",
        recipe=f"{recipe}.finetuning",
        pretrained=weights,
        embedding_parameters=f"{recipe}.embedding",
    )
    scores = [
        _score(case, "moco", f"{name}_embeddings", f"bugfix_ablation_{trainer}_training_cost"),
        _score(
            case, "finetuned", f"{name}_finetuned_embeddings", f"{name}_finetuned_training_cost"
        ),
    ]
    return sum(scores, pretraining + finetuning)


def _score(case: str, encoder: str, embeddings: str, training_cost: str) -> Pipeline:
    score = bind(nodes.score_bugfix_case, encoder=encoder)
    inputs = [
        *(embeddings, training_cost, "labels", "params:bugfix_ablation.clusterer"),
        *("params:n_clusters", "params:evaluation.seed"),
    ]
    scores = f"bugfix_ablation_{case}_{encoder}_scores"
    return nodes_in(f"bugfix_ablation.{case}", (score, inputs, scores, f"score_{encoder}"))


def _collection(cases: list[str]) -> Pipeline:
    scores = [f"bugfix_ablation_{case}_{encoder}_scores" for case in cases for encoder in ENCODERS]
    tabulate = bind(nodes.tabulate_bugfix_ablation, cases=cases)
    inputs = ["params:bugfix_ablation", *scores]
    return nodes_in("bugfix_ablation", (tabulate, inputs, "bugfix_ablation_table"))
