"""The gallery: a page to look through the clusters of the chosen method and to name them."""

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from fashion_mocluster.clustering.parameters import MethodParameters


def write_gallery(
    images: np.ndarray,
    clusters: pd.DataFrame,
    projection: np.ndarray,
    duplicates: pd.DataFrame,
    outliers: pd.DataFrame,
    best: dict,
    methods: dict[str, MethodParameters],
    cluster_names: pd.DataFrame | None = None,
) -> str:
    """The page as HTML."""
    from fashion_mocluster.reporting.gallery import gallery_html

    title = f"Clusters by {methods[best['method']].title}"
    return gallery_html(
        images,
        clusters,
        projection,
        duplicates,
        outliers,
        title,
        names=cluster_names,
        clustering=best["clustering"],
    )


def create_pipeline(*, named: bool) -> Pipeline:
    """``best_clusters`` to ``gallery``."""
    inputs = [
        *("images", "best_clusters", "best_projection", "duplicates", "outliers", "best_method"),
        "params:evaluation.methods",
        *(["cluster_names"] if named else []),
    ]
    write = Node(write_gallery, inputs, "gallery", name="write_gallery", namespace="evaluation")
    return Pipeline([write])
