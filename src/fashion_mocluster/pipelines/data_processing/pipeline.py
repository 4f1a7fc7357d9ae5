"""From a source of images to checked images, their statistics and a contact sheet."""

from kedro.pipeline import Pipeline

from fashion_mocluster.pipelines.data_processing import nodes
from fashion_mocluster.pipelines.wiring import bind, nodes_in
from fashion_mocluster.reporting.contact_sheet import contact_sheet


def create_pipeline() -> Pipeline:
    """``raw_images`` to ``images``, ``pixel_statistics`` and ``contact_sheet``; ``skipped_files``, which
    are known once the images are read, to ``skipped_pictures``.
    """
    draw = bind(contact_sheet, title="Images as they are read")
    return nodes_in(
        "data_processing",
        (nodes.validate_images, ["raw_images", "params:data", "params:n_clusters"], "images"),
        (nodes.list_skipped_pictures, ["skipped_files", "images"], "skipped_pictures"),
        (nodes.describe_pixels, "images", "pixel_statistics"),
        (draw, "images", "contact_sheet", "draw_contact_sheet"),
    )


def pixel_clusters_pipeline() -> Pipeline:
    """``images`` to ``pixel_clusters``, at which clusterings with ``init: pixel_clusters`` start.

    A part of the pipelines that have such a clustering.
    """
    inputs = ["images", "params:n_clusters", "params:seed"]
    return nodes_in("data_processing", (nodes.cluster_pixels, inputs, "pixel_clusters"))
