"""Pretrained weights to finetuned ones, once per way of assigning clusters."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.cluster_finetuning import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline

# Each is a parameter group under `finetuning` and makes `<name>_finetuned_weights`.
FINETUNINGS = ("kmeans", "spectral")


def create_pipeline(selections: dict[str, str]) -> Pipeline:
    """All finetunings.

    Args:
        selections: By name of the finetuning, how it chooses the epoch it keeps. Only
            ``thesis_score`` gives it ``labels`` as an input.
    """
    return sum((_finetuning(name, selections[name]) for name in FINETUNINGS), Pipeline([]))


def _finetuning(name: str, selection: str) -> Pipeline:
    inputs = ["images", "pretrained", "params:recipe", "params:n_clusters", "checkpoints"]
    outer = {"images": "images", "pretrained": "moco_weights"}
    function = nodes.finetune_encoder
    if selection == "thesis_score":
        function = nodes.finetune_encoder_by_thesis_score
        inputs.append("labels")
        outer["labels"] = "labels"
    namespace = f"cluster_finetuning.{name}"
    finetune = Pipeline(
        [
            Node(function, inputs, ["weights", "history", "assignments"], name="finetune_encoder"),
            Node(nodes.draw_loss_curve, "history", "loss_curve", name="draw_loss_curve"),
        ],
        namespace=namespace,
        inputs=outer,
        outputs={"weights": f"{name}_finetuned_weights"},
        parameters={
            "params:recipe": f"params:finetuning.{name}",
            "params:n_clusters": "params:n_clusters",
        },
    )
    return finetune + finetuned_embedding_pipeline(name)


def finetuned_embedding_pipeline(name: str) -> Pipeline:
    """The embeddings of one finetuned encoder."""
    return embedding_pipeline(f"cluster_finetuning.{name}", f"{name}_finetuned")
