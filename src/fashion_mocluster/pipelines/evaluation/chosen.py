"""What the user takes away: the clusters of the chosen method, named, sorted into folders, and in a
gallery.
"""

from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.datasets.cluster_folders import ExportMode
from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.evaluation.cluster_names import merge_by_name
from fashion_mocluster.pipelines.wiring import nodes_in
from fashion_mocluster.reporting.gallery import gallery_html


def take_best(
    best: dict,
    methods: dict[str, MethodParameters],
    cluster_names: pd.DataFrame | None = None,
    **results: Any,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Clusters and projection of the chosen method, without labels.

    Args:
        cluster_names: Names that the user gave these clusters; those of one name become one.
        results: ``<method>_clusters`` and ``<representation>_projection`` of each method run.
    """
    clusters = results[f"{best['method']}_clusters"].drop(columns="label", errors="ignore")
    projection = results[f"{methods[best['method']].representation}_projection"]
    if cluster_names is not None:
        clusters = merge_by_name(clusters, cluster_names)
    return clusters, projection.to_numpy()


def tabulate_sizes(clusters: pd.DataFrame) -> pd.DataFrame:
    """``cluster``, ``name`` where clusters have names, ``images`` (how many), ``share`` of all (0 to 1)
    and mean ``confidence`` of each cluster; the unsorted images, -1, come last.
    """
    columns = [column for column in ("cluster", "name") if column in clusters]
    found = clusters.groupby(columns)["confidence"].agg(["size", "mean"]).reset_index()
    found["share"] = found["size"] / len(clusters)
    found = found.sort_values("cluster", key=lambda number: number % (number.max() + 2))
    found = found.rename(columns={"size": "images", "mean": "confidence"})
    return found[[*columns, "images", "share", "confidence"]].round(4).reset_index(drop=True)


def sort_into_folders(clusters: pd.DataFrame, export: ExportMode) -> pd.DataFrame:
    """The table that the pictures are sorted by.

    Raises:
        InputError: The images are no files of their own.
    """
    if export != "none" and "path" not in clusters:
        raise InputError(
            "evaluation.export: these images are not files of their own, so none can be put into "
            "folders; set it to none"
        )
    return clusters


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
    """A page to look through the clusters and to name them, as HTML."""
    return gallery_html(
        images,
        clusters,
        projection,
        duplicates,
        outliers,
        f"Clusters by {methods[best['method']].title}",
        names=cluster_names,
        clustering=best["clustering"],
    )


def create_pipeline(methods: dict[str, str], *, named: bool) -> Pipeline:
    """``best_method`` to ``best_clusters``, ``best_projection``, ``cluster_sizes``, ``gallery`` and
    ``cluster_folders``; where no export is asked for, the last is there to remove folders of other
    clusters.

    Args:
        methods: The methods that are run, and the representation of each.
    """
    results = {f"{name}_clusters" for name in methods}
    results |= {f"{representation}_projection" for representation in methods.values()}
    names = ["cluster_names"] if named else []
    takes = {"best": "best_method", "methods": "params:evaluation.methods"}
    takes |= {dataset: dataset for dataset in (*names, *sorted(results))}
    shows = [
        *("images", "best_clusters", "best_projection", "duplicates", "outliers"),
        *("best_method", "params:evaluation.methods", *names),
    ]
    return nodes_in(
        "evaluation",
        (take_best, takes, ["best_clusters", "best_projection"]),
        (tabulate_sizes, "best_clusters", "cluster_sizes"),
        (sort_into_folders, ["best_clusters", "params:evaluation.export"], "cluster_folders"),
        (write_gallery, shows, "gallery"),
    )
