"""Images to encoder weights, training history and embeddings."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.moco_pretraining import nodes


def create_pipeline(
    namespace: str = "moco_pretraining", recipe: str = "moco", embeddings: str = "moco_embeddings"
) -> Pipeline:
    """One pretraining; the ablation reuses it with other recipes.

    Args:
        namespace: Prefix of the datasets that belong to this training.
        recipe: The parameter group that holds its ``MocoParameters``.
        embeddings: Name of the resulting table.
    """
    train = Pipeline(
        [
            Node(
                nodes.train_encoder,
                ["images", "pixel_statistics", "params:recipe", "checkpoints"],
                ["weights", "history"],
                name="train_encoder",
            ),
            Node(nodes.draw_loss_curve, "history", "loss_curve", name="draw_loss_curve"),
        ],
        namespace=namespace,
        inputs={"images", "pixel_statistics"},
        parameters={"params:recipe": f"params:{recipe}"},
    )
    return train + embedding_pipeline(namespace, embeddings)


def embedding_pipeline(namespace: str, embeddings: str) -> Pipeline:
    """``images`` and ``<namespace>.weights`` to a table of embeddings.

    A part of every training, and of ``evaluation``, which runs it on weights from disk.
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
        inputs={"images"},
        outputs={"embeddings": embeddings},
        parameters={"params:embedding"},
    )
