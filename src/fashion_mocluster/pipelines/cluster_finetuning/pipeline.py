"""Pretrained weights to finetuned ones, once per recipe of finetuning."""

from collections.abc import Callable

from kedro.pipeline import Pipeline

from fashion_mocluster.learning.parameters import FinetuningParameters, SelfLabelingParameters
from fashion_mocluster.pipelines.cluster_finetuning import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import embedding_pipeline
from fashion_mocluster.pipelines.wiring import bind, nodes_in
from fashion_mocluster.reporting.history import history_figure

FINETUNING_CURVES = {
    "loss": "Surrogate loss",
    "silhouette": "Silhouette",
    "davies_bouldin": "Davies-Bouldin",
}
SELF_LABELING_CURVES = {
    "loss": "Cross-entropy with the clusters",
    "fraction_used": "Fraction of images trained on",
}


def create_pipeline(recipes: dict[str, FinetuningParameters | SelfLabelingParameters]) -> Pipeline:
    """All finetunings, by the names of their recipes."""
    trainings = [
        self_labeling_pipeline(name, recipe.init)
        if isinstance(recipe, SelfLabelingParameters)
        else finetuning_pipeline(name, recipe.checkpoint_selection)
        for name, recipe in recipes.items()
    ]
    return sum(trainings, Pipeline([]))


def finetuning_pipeline(
    name: str,
    checkpoint_selection: str,
    namespace: str | None = None,
    recipe: str | None = None,
    pretrained: str = "moco_weights",
    embedding_parameters: str = "embedding",
) -> Pipeline:
    """One finetuning: ``<name>_finetuned_weights`` and ``<name>_finetuned_embeddings`` come out.

    Args:
        checkpoint_selection: Only ``thesis_score`` gives it ``labels`` as an input.
        namespace: Prefix of its other datasets, by default ``cluster_finetuning.<name>``.
        recipe: Its parameter group, by default ``finetuning.<name>``.
        pretrained: The weights it starts from.
        embedding_parameters: The parameter group that says how the finetuned encoder is applied.
    """
    namespace, recipe = namespace or f"cluster_finetuning.{name}", recipe or f"finetuning.{name}"
    extra_inputs = ["labels"] if checkpoint_selection == "thesis_score" else []
    train = nodes.finetune_encoder
    draw = bind(history_figure, title="Cluster finetuning", curves=FINETUNING_CURVES)
    training = _training(name, namespace, recipe, pretrained, train, extra_inputs, draw)
    return training + embedding_pipeline(namespace, f"{name}_finetuned", embedding_parameters)


def self_labeling_pipeline(name: str, init: str) -> Pipeline:
    """Self-labeling, with the same outputs; it clusters what ``embedding`` or ``whitening`` makes.

    Args:
        init: ``pixel_clusters`` gives it ``pixel_clusters`` as an input.
    """
    namespace, recipe = f"cluster_finetuning.{name}", f"finetuning.{name}"
    extra_inputs = ["params:embedding", "params:whitening"]
    extra_inputs += ["pixel_clusters"] if init == "pixel_clusters" else []
    train = nodes.self_label_encoder
    draw = bind(history_figure, title="Self-labeling", curves=SELF_LABELING_CURVES)
    training = _training(name, namespace, recipe, "moco_weights", train, extra_inputs, draw)
    return training + embedding_pipeline(namespace, f"{name}_finetuned")


def _training(
    name: str,
    namespace: str,
    recipe: str,
    pretrained: str,
    train: Callable,
    extra_inputs: list[str],
    draw: Callable,
) -> Pipeline:
    """The training alone, and its curve.

    Args:
        train: The node's function.
        extra_inputs: What it takes beyond the inputs that every finetuning has.
        draw: Makes a figure of the history.
    """
    checkpoints, history = f"{namespace}.checkpoints", f"{namespace}.history"
    inputs = ["images", pretrained, f"params:{recipe}", "params:n_clusters", checkpoints]
    outputs = [
        *(f"{name}_finetuned_weights", history, f"{namespace}.assignments"),
        f"{name}_finetuned_training_cost",
    ]
    return nodes_in(
        namespace,
        (bind(train, name=recipe), [*inputs, *extra_inputs], outputs, "finetune_encoder"),
        (draw, history, f"{namespace}.loss_curve", "draw_loss_curve"),
    )
