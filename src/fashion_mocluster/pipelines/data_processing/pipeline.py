"""From a source of images to checked images, their statistics and a contact sheet."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.data_processing import nodes
from fashion_mocluster.pipelines.moco_pretraining.pipeline import bind
from fashion_mocluster.reporting.contact_sheet import contact_sheet


def create_pipeline() -> Pipeline:
    """``raw_images`` to ``images``, ``pixel_statistics`` and ``contact_sheet``; ``skipped_files``, which
    are known once the images are read, to ``skipped_pictures``.
    """
    return Pipeline(
        [
            Node(
                nodes.validate_images,
                ["raw_images", "params:data", "params:n_clusters"],
                "images",
                name="validate_images",
                namespace="data_processing",
            ),
            Node(
                nodes.list_skipped_pictures,
                ["skipped_files", "images"],
                "skipped_pictures",
                name="list_skipped_pictures",
                namespace="data_processing",
            ),
            Node(
                nodes.describe_pixels,
                "images",
                "pixel_statistics",
                name="describe_pixels",
                namespace="data_processing",
            ),
            Node(
                bind(contact_sheet, title="Images as they are read"),
                "images",
                "contact_sheet",
                name="draw_contact_sheet",
                namespace="data_processing",
            ),
        ]
    )


def pixel_clusters_pipeline() -> Pipeline:
    """``images`` to ``pixel_clusters``, at which clusterings with ``init: pixel_clusters`` start.

    A part of the pipelines that have such a clustering.
    """
    return Pipeline(
        [
            Node(
                nodes.cluster_pixels,
                ["images", "params:n_clusters", "params:seed"],
                "pixel_clusters",
                name="cluster_pixels",
                namespace="data_processing",
            )
        ]
    )
