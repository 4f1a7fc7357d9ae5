"""Names that the user gave the clusters of the chosen method, in a file that the gallery saves.

Cluster numbers mean nothing from one clustering to the next, so the file also says which clustering
the names are of: its fingerprint stands in the column ``clustering`` of every line.
"""

import hashlib
import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd
from kedro.pipeline import Pipeline

from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.wiring import bind, nodes_in

logger = logging.getLogger(__name__)

SOURCE = "data.cluster_names"


def fingerprint(clusters: np.ndarray) -> str:
    """Eight letters that tell the clusters of all images, int (N,), from others; letters alone, as a
    spreadsheet takes ``12e45678`` for a number.
    """
    digest = hashlib.sha256(np.asarray(clusters, np.int64).tobytes()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:8])


def check_cluster_names(
    cluster_names: pd.DataFrame, best: dict, *, method: str | None = None
) -> pd.DataFrame:
    """``cluster`` and ``name`` of each line that has a name, if they are names of the clusters at hand.

    Args:
        cluster_names: The file; the column ``clustering`` may be missing, or empty in lines that the
            user added.
        best: The chosen method, with the fingerprint and the sizes of its clusters.
        method: The method whose clusters they are used for; None for the chosen one.

    Raises:
        InputError: The file has other columns, a cluster that is no number or is named twice, or its
            names are of another method or clustering.
    """
    if not {"cluster", "name"} <= set(cluster_names):
        raise InputError(f"{SOURCE}: columns must be 'cluster,name', found {list(cluster_names)}")
    cluster_names = cluster_names.dropna(how="all")  # as spreadsheets leave at the end
    listed = cluster_names["cluster"]
    numbers = pd.to_numeric(listed, errors="coerce")
    wrong = listed[numbers.isna() | (numbers % 1 != 0)]
    if len(wrong):
        raise InputError(f"{SOURCE}: '{wrong.iloc[0]}' is no number of a cluster")
    if numbers.duplicated().any():
        twice = listed[numbers.duplicated()].iloc[0]
        raise InputError(f"{SOURCE}: cluster {twice} is named twice; keep one line")
    if method not in (None, best["method"]):
        raise InputError(
            f"{SOURCE} holds names of the clusters of {best['method']}, the chosen method, but "
            f"predict.method is {method}; change that, or set {SOURCE} to null"
        )
    _check_clustering(cluster_names, best)
    names = pd.DataFrame({"cluster": numbers.astype(int), "name": cluster_names["name"]})
    return names.dropna().astype({"name": str}).reset_index(drop=True)


def _check_clustering(cluster_names: pd.DataFrame, best: dict) -> None:
    if "clustering" not in best:
        raise InputError(f"{SOURCE}: the stored run is of an older version; run it again")
    found = cluster_names.get("clustering", pd.Series(dtype=object)).dropna().astype(str)
    cure = f"run without {SOURCE} and name the clusters in the gallery.html of that run"
    other = set(found.str.strip()) - {best["clustering"]}
    if other:
        raise InputError(
            f"{SOURCE}: these names are of another clustering ({', '.join(sorted(other))}, this one is "
            f"{best['clustering']}); {cure}, or delete the column 'clustering' to use them as they are"
        )
    unknown = sorted(set(cluster_names["cluster"].astype(int)) - set(map(int, best["sizes"])))
    if unknown:
        raise InputError(
            f"{SOURCE}: there is no cluster {unknown[0]}, so these names are of another clustering; "
            f"{cure}"
        )
    if found.empty:
        logger.warning(
            "%s: the file has no column 'clustering', as the gallery saves it, so nothing tells whether "
            "its names are of these clusters",
            SOURCE,
        )


def add_names(table: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """A table of clusters with the column ``name`` after them, empty for those without one."""
    named = table.drop(columns="name", errors="ignore")
    column = named["cluster"].map(names.set_index("cluster")["name"]).fillna("")
    named.insert(named.columns.get_loc("cluster") + 1, "name", column)
    return named


def name_if_chosen(
    clusters: pd.DataFrame, best: dict, cluster_names: pd.DataFrame, *, method: str
) -> pd.DataFrame:
    """The table of a method, with names if it is the chosen one; clusters of one name stay apart."""
    return add_names(clusters, cluster_names) if best["method"] == method else clusters


def create_pipeline(methods: Iterable[str]) -> Pipeline:
    """The user's file to ``cluster_names``, and the tables of all methods to ``<method>_clusters``, with
    names in that of the chosen one.
    """
    tables = [
        (
            bind(name_if_chosen, method=method),
            [f"evaluation.{method}.clusters", "best_method", "cluster_names"],
            f"{method}_clusters",
            f"name_clusters_{method}",
        )
        for method in methods
    ]
    return nodes_in(
        "evaluation",
        (check_cluster_names, ["cluster_names_file", "best_method"], "cluster_names"),
        *tables,
    )


def merge_by_name(table: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """A table of clusters with names, in which those of one name are one: that of the lowest number. If
    the unsorted images, -1, are called like a cluster, they become part of it.

    Raises:
        InputError: The table is merged already, and clusters that are one in it have two names.
    """
    lost = ~names["cluster"].isin(table["cluster"])
    apart = names[lost & ~names["name"].isin(names["name"][~lost])]
    if len(apart):
        raise InputError(
            f"{SOURCE}: cluster {apart['cluster'].iloc[0]} is called {apart['name'].iloc[0]!r}, but the "
            "stored run merged it with another one; give both one name, or run again with these names"
        )
    listed = names["cluster"].where(names["cluster"] >= 0)
    first = listed.groupby(names["name"]).transform("min").fillna(-1).set_axis(names["cluster"])
    numbers = table["cluster"].map(first).fillna(table["cluster"]).astype(int)
    return add_names(table.assign(cluster=numbers), names)


def names_in(clusters: pd.DataFrame) -> pd.DataFrame | None:
    """The names that stand in a table of clusters already; None where there is no column for them."""
    if "name" not in clusters:
        return None
    names = clusters[["cluster", "name"]].drop_duplicates()
    return names[names["name"] != ""].reset_index(drop=True)
