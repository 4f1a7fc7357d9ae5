"""Images to encoder weights, training history and embeddings."""

from kedro.pipeline import Pipeline

from fashion_mocluster.pipelines.moco_pretraining import nodes
from fashion_mocluster.pipelines.wiring import bind, nodes_in
from fashion_mocluster.reporting.history import history_figure
from fashion_mocluster.representations import WHITENED

CURVES = {"loss": "InfoNCE loss", "effective_rank": "Effective rank of the queue"}


def create_pipeline(encoders: list[str]) -> Pipeline:
    """The trainings of ``moco`` and of the variants of its recipe, by the names of their encoders."""
    return sum(
        (
            pretraining_pipeline("moco_pretraining", "moco", "moco")
            if name == "moco"
            else pretraining_pipeline(f"moco_pretraining.{name}", f"variants.{name}", name)
            for name in encoders
        ),
        Pipeline([]),
    )


def pretraining_pipeline(
    namespace: str, recipe: str, name: str, embedding_parameters: str = "embedding"
) -> Pipeline:
    """One pretraining and the embeddings of its encoder; the ablation reuses it with other recipes.

    Args:
        recipe: The parameter group that holds its ``MocoParameters``.
        name: What the encoder is called: ``<name>_weights`` and ``<name>_embeddings`` come out.
    """
    history, curve = f"{namespace}.history", f"{namespace}.loss_curve"
    inputs = ["images", "pixel_statistics", f"params:{recipe}", f"{namespace}.checkpoints"]
    train = bind(nodes.train_encoder, name=recipe)
    draw = bind(history_figure, title="Momentum-contrast pretraining", curves=CURVES)
    training = nodes_in(
        namespace,
        (
            train,
            [*inputs, "params:n_clusters"],
            [f"{name}_weights", history, f"{name}_training_cost"],
        ),
        (draw, history, curve, "draw_loss_curve"),
    )
    return training + embedding_pipeline(namespace, name, embedding_parameters)


def embedding_pipeline(
    namespace: str,
    name: str,
    embedding_parameters: str = "embedding",
    weights: str | None = None,
    images: str = "images",
) -> Pipeline:
    """Images and weights to ``<name>_embeddings``.

    A part of every training, and of ``evaluation`` and ``predict``, which run it on weights that
    were saved before.

    Args:
        weights: By default ``<name>_weights``.
    """
    inputs = [images, weights or f"{name}_weights", f"params:{embedding_parameters}"]
    outputs = [f"{name}_embeddings", f"{name}_embedding_cost"]
    return nodes_in(namespace, (nodes.embed_images, inputs, outputs))


def whitening_pipeline(namespace: str, encoder: str, recipe: str = "whitening") -> Pipeline:
    """Images and ``<encoder>_weights`` to these with a fitted readout, and to its embeddings."""
    name = f"{encoder}{WHITENED}"
    inputs = ["images", f"{encoder}_weights", f"params:{recipe}", "params:embedding"]
    outputs = [f"{name}_weights", f"{name}_embeddings", f"{name}_embedding_cost"]
    return nodes_in(namespace, (nodes.embed_whitened, inputs, outputs))
