"""Pretrained weights to finetuned ones, once per recipe of finetuning."""

from collections.abc import Callable

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.learning.parameters import FinetuningParameters, SelfLabelingParameters
from fashion_mocluster.pipelines.cluster_finetuning import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import bound, embedding_pipeline


def create_pipeline(
    recipes: dict[str, FinetuningParameters | SelfLabelingParameters],
) -> Pipeline:
    """All finetunings, by the names of their recipes."""
    return sum(
        (
            self_labeling_pipeline(name, recipe.init)
            if isinstance(recipe, SelfLabelingParameters)
            else finetuning_pipeline(name, recipe.checkpoint_selection)
            for name, recipe in recipes.items()
        ),
        Pipeline([]),
    )


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
    function, more = nodes.finetune_encoder, []
    if selection == "thesis_score":
        function, more = nodes.finetune_encoder_by_thesis_score, ["labels"]
    drawn = nodes.draw_loss_curve
    training = _training(name, namespace, recipe, pretrained, function, more, drawn)
    return training + embedding_pipeline(namespace, f"{name}_finetuned", steps)


def self_labeling_pipeline(name: str, init: str) -> Pipeline:
    """Self-labeling, with the same outputs; clusters are found in what ``embedding`` or ``whitening``
    makes.

    Args:
        init: ``pixel_clusters`` gives it ``pixel_clusters`` as an input.
    """
    namespace, recipe = f"cluster_finetuning.{name}", f"finetuning.{name}"
    function, drawn = nodes.self_label_encoder, nodes.draw_self_labeling_curve
    more = ["params:embedding", "params:whitening"]
    more += ["pixel_clusters"] if init == "pixel_clusters" else []
    training = _training(name, namespace, recipe, "moco_weights", function, more, drawn)
    return training + embedding_pipeline(namespace, f"{name}_finetuned")


def _training(
    name: str,
    namespace: str,
    recipe: str,
    pretrained: str,
    function: Callable,
    more: list[str],
    drawn: Callable,
) -> Pipeline:
    """The training alone; ``more`` are inputs of its function beyond those that all have."""
    inputs = ["images", "pretrained", "params:recipe", "params:n_clusters", "checkpoints", *more]
    parameters = {p: p for p in ["params:n_clusters", *more] if p.startswith("params:")}
    outer = {name: name for name in ["images", *more] if not name.startswith("params:")}
    return Pipeline(
        [
            Node(
                bound(function, name=recipe),
                inputs,
                ["weights", "history", "assignments", "training_cost"],
                name="finetune_encoder",
            ),
            Node(drawn, "history", "loss_curve", name="draw_loss_curve"),
        ],
        namespace=namespace,
        inputs={**outer, "pretrained": pretrained},
        outputs={
            "weights": f"{name}_finetuned_weights",
            "training_cost": f"{name}_finetuned_training_cost",
        },
        parameters={"params:recipe": f"params:{recipe}", **parameters},
    )
