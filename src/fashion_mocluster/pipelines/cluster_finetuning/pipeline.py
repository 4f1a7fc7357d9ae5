"""Pretrained weights to finetuned ones, once per recipe of finetuning."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.cluster_finetuning import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import bound, embedding_pipeline


def create_pipeline(selections: dict[str, str]) -> Pipeline:
    """All finetunings.

    Args:
        selections: By name of the finetuning, how it chooses the epoch it keeps.
    """
    return sum((finetuning_pipeline(n, s) for n, s in selections.items()), Pipeline([]))


def finetuning_pipeline(
    name: str,
    selection: str,
    namespace: str | None = None,
    recipe: str | None = None,
    pretrained: str = "moco_weights",
    steps: str = "embedding",
) -> Pipeline:
    """One finetuning: ``<name>_finetuned_weights`` and ``<name>_finetuned_embeddings`` come out.

    Args:
        selection: Only ``thesis_score`` gives it ``labels`` as an input.
        namespace: Prefix of its other datasets, by default ``cluster_finetuning.<name>``.
        recipe: Its parameter group, by default ``finetuning.<name>``.
        pretrained: The weights it starts from.
        steps: The parameter group that says how the finetuned encoder is applied.
    """
    namespace, recipe = namespace or f"cluster_finetuning.{name}", recipe or f"finetuning.{name}"
    inputs = ["images", "pretrained", "params:recipe", "params:n_clusters", "checkpoints"]
    outer = {"images": "images", "pretrained": pretrained}
    function = nodes.finetune_encoder
    if selection == "thesis_score":
        function = nodes.finetune_encoder_by_thesis_score
        inputs.append("labels")
        outer["labels"] = "labels"
    finetune = Pipeline(
        [
            Node(
                bound(function, name=recipe),
                inputs,
                ["weights", "history", "assignments", "training_cost"],
                name="finetune_encoder",
            ),
            Node(nodes.draw_loss_curve, "history", "loss_curve", name="draw_loss_curve"),
        ],
        namespace=namespace,
        inputs=outer,
        outputs={
            "weights": f"{name}_finetuned_weights",
            "training_cost": f"{name}_finetuned_training_cost",
        },
        parameters={"params:recipe": f"params:{recipe}", "params:n_clusters": "params:n_clusters"},
    )
    return finetune + embedding_pipeline(namespace, f"{name}_finetuned", steps)
