"""From a source of images to checked images, their statistics and a contact sheet."""

from kedro.pipeline import Node, Pipeline

from fashion_mocluster.pipelines.data_processing import nodes
from fashion_mocluster.pipelines.namespaces import in_namespace


def create_pipeline() -> Pipeline:
    """``raw_images`` to ``images``, ``pixel_statistics`` and ``contact_sheet``; ``skipped_files``, which
    are known once the images are read, to ``skipped_pictures``.
    """
    return in_namespace(
        "data_processing",
        [
            Node(
                nodes.validate_images,
                ["raw_images", "params:data", "params:n_clusters"],
                "images",
                name="validate_images",
            ),
            Node(
                nodes.list_skipped_pictures,
                ["skipped_files", "images"],
                "skipped_pictures",
                name="list_skipped_pictures",
            ),
            Node(nodes.describe_pixels, "images", "pixel_statistics", name="describe_pixels"),
            Node(nodes.draw_contact_sheet, "images", "contact_sheet", name="draw_contact_sheet"),
        ],
        inputs={"raw_images", "skipped_files"},
        outputs={"images", "skipped_pictures", "pixel_statistics", "contact_sheet"},
    )


def pixel_clusters_pipeline() -> Pipeline:
    """``images`` to ``pixel_clusters``, at which clusterings with ``init: pixel_clusters`` start.

    A part of the pipelines that have such a clustering.
    """
    cluster = Node(
        nodes.cluster_pixels,
        ["images", "params:n_clusters", "params:seed"],
        "pixel_clusters",
        name="cluster_pixels",
    )
    return in_namespace("data_processing", [cluster], {"images"}, {"pixel_clusters"})
