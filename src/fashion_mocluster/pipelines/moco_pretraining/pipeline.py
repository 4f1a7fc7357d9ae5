"""Images to encoder weights, training history and embeddings."""

from functools import partial, update_wrapper

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.moco_pretraining import nodes


def create_pipeline(
    namespace: str = "moco_pretraining", recipe: str = "moco", name: str = "moco"
) -> Pipeline:
    """One pretraining; the ablation reuses it with other recipes.

    Args:
        namespace: Prefix of the datasets that belong to this training.
        recipe: The parameter group that holds its ``MocoParameters``.
        name: What the encoder is called: ``<name>_weights`` and ``<name>_embeddings`` come out.
    """
    train = Pipeline(
        [
            Node(
                # Keeps name and type hints, by which Kedro checks the parameters.
                update_wrapper(partial(nodes.train_encoder, name=recipe), nodes.train_encoder),
                ["images", "pixel_statistics", "params:recipe", "checkpoints"],
                ["weights", "history"],
                name="train_encoder",
            ),
            Node(nodes.draw_loss_curve, "history", "loss_curve", name="draw_loss_curve"),
        ],
        namespace=namespace,
        inputs={"images", "pixel_statistics"},
        outputs={"weights": f"{name}_weights"},
        parameters={"params:recipe": f"params:{recipe}"},
    )
    return train + embedding_pipeline(namespace, name)


def embedding_pipeline(namespace: str, name: str, steps: str = "embedding") -> Pipeline:
    """``images`` and ``<name>_weights`` to ``<name>_embeddings``.

    A part of every training, and of ``evaluation``, which runs it on weights from disk.

    Args:
        steps: The parameter group that holds its ``EmbeddingParameters``.
    """
    return Pipeline(
        [
            Node(
                nodes.embed_images,
                ["images", "weights", "params:embedding"],
                "embeddings",
                name="embed_images",
            )
        ],
        namespace=namespace,
        inputs={"images": "images", "weights": f"{name}_weights"},
        outputs={"embeddings": f"{name}_embeddings"},
        parameters={"params:embedding": f"params:{steps}"},
    )
