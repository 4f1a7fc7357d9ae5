"""Images to encoder weights, training history and embeddings."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.moco_pretraining import nodes
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
    history = f"{namespace}.history"
    train = Node(
        bind(nodes.train_encoder, name=recipe),
        [
            *("images", "pixel_statistics", f"params:{recipe}", f"{namespace}.checkpoints"),
            "params:n_clusters",
        ],
        [f"{name}_weights", history, f"{name}_training_cost"],
        name="train_encoder",
        namespace=namespace,
    )
    draw = Node(
        bind(history_figure, title="Momentum-contrast pretraining", curves=CURVES),
        history,
        f"{namespace}.loss_curve",
        name="draw_loss_curve",
        namespace=namespace,
    )
    return Pipeline([train, draw]) + embedding_pipeline(namespace, name, embedding_parameters)


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
    return Pipeline(
        [
            Node(
                nodes.embed_images,
                [images, weights or f"{name}_weights", f"params:{embedding_parameters}"],
                [f"{name}_embeddings", f"{name}_embedding_cost"],
                name="embed_images",
                namespace=namespace,
            )
        ]
    )


def whitening_pipeline(namespace: str, encoder: str, recipe: str = "whitening") -> Pipeline:
    """Images and ``<encoder>_weights`` to these with a fitted readout, and to its embeddings."""
    name = f"{encoder}{WHITENED}"
    return Pipeline(
        [
            Node(
                nodes.embed_whitened,
                ["images", f"{encoder}_weights", f"params:{recipe}", "params:embedding"],
                [f"{name}_weights", f"{name}_embeddings", f"{name}_embedding_cost"],
                name="embed_whitened",
                namespace=namespace,
            )
        ]
    )


def bind(function: Callable, **arguments: Any) -> Callable:
    """A partial function that keeps its name and type hints, by which Kedro checks parameters."""
    return update_wrapper(partial(function, **arguments), function)
