"""What the user takes away: the clusters of the chosen method, named, and sorted into folders."""

from typing import Any

import numpy as np
import pandas as pd
from kedro.pipeline import Node, Pipeline

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.datasets.cluster_folders import ExportMode
from fashion_mocluster.errors import InputError


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

    Raises:
        InputError: A name is for a cluster that there is not, so they are of another clustering.
    """
    clusters = results[f"{best['method']}_clusters"].drop(columns="label", errors="ignore")
    projection = results[f"{methods[best['method']].representation}_projection"]
    if cluster_names is not None:
        named = name_clusters(clusters, cluster_names)
        unknown = sorted(set(cluster_names["cluster"]) - set(clusters["cluster"]))
        if unknown:
            raise InputError(
                f"data.cluster_names: there is no cluster {unknown[0]}, so these names are of another "
                "clustering; name the clusters of this one in gallery.html"
            )
        clusters = named
    return clusters, projection.to_numpy()


def name_clusters(table: pd.DataFrame, cluster_names: pd.DataFrame) -> pd.DataFrame:
    """A table of clusters with their names after them; clusters of one name become one, that with
    the lowest number.

    Args:
        cluster_names: Columns ``cluster`` and ``name``; a cluster without a name may be left out.

    Raises:
        InputError: There are no such columns, a cluster is no number, or it is named twice.
    """
    source = "data.cluster_names"
    if not {"cluster", "name"} <= set(cluster_names):
        raise InputError(f"{source}: columns must be 'cluster,name', found {list(cluster_names)}")
    listed = cluster_names["cluster"]
    wrong = listed[pd.to_numeric(listed, errors="coerce").isna()]
    if len(wrong):
        raise InputError(f"{source}: {wrong.iloc[0]!r} is no number of a cluster")
    if listed.duplicated().any():
        twice = listed[listed.duplicated()].iloc[0]
        raise InputError(f"{source}: cluster {twice} is named twice; keep one line")
    names = cluster_names.dropna().set_index("cluster")["name"].astype(str).sort_index()
    first = {name: cluster for cluster, name in names[::-1].items()}
    numbers = table["cluster"].map(names.map(first)).fillna(table["cluster"]).astype(int)
    named = table.drop(columns="name", errors="ignore").assign(cluster=numbers)
    named.insert(named.columns.get_loc("cluster") + 1, "name", numbers.map(names).fillna(""))
    return named


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


def create_pipeline(methods: dict[str, str], *, named: bool) -> Pipeline:
    """``best_method`` to ``best_clusters``, ``best_projection`` and ``cluster_folders``; where no export
    is asked for, the last is there to remove folders of other clusters.

    Args:
        methods: The methods that are run, and the representation of each.
        named: Whether the user has named the clusters.
    """
    results = {f"{name}_clusters" for name in methods}
    results |= {f"{representation}_projection" for representation in methods.values()}
    names = {"cluster_names": "cluster_names_file"} if named else {}
    take = Node(
        take_best,
        {
            "best": "best_method",
            "methods": "params:evaluation.methods",
            **names,
            **{result: result for result in sorted(results)},
        },
        ["best_clusters", "best_projection"],
        name="take_best",
    )
    sort = Node(
        sort_into_folders,
        ["best_clusters", "params:evaluation.export"],
        "cluster_folders",
        name="sort_into_folders",
    )
    return Pipeline(
        [take, sort],
        namespace="evaluation",
        inputs={"best_method", *names.values(), *results},
        outputs={"best_clusters", "best_projection", "cluster_folders"},
        parameters={"params:evaluation.methods", "params:evaluation.export"},
    )
