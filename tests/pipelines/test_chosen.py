import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.evaluation import chosen

METHODS = {
    name: MethodParameters(title=name, representation=made, clusterer={"kind": "kmeans"})
    for name, made in (("a", "pixels"), ("b", "moco"))
}
TABLE = pd.DataFrame(
    {
        "index": range(5),
        "path": ["1.png", "2.png", "10.png", "a/3.png", "b.png"],
        "cluster": [0, 3, 1, -1, 3],
        "confidence": [1, 0.5, 1, 0, 1],
        "label": [4, 4, 2, 2, 0],
    }
)


def names_of(**clusters):
    """A file of names, by name a list of clusters."""
    pairs = [(cluster, name) for name, listed in clusters.items() for cluster in listed]
    return pd.DataFrame(pairs, columns=["cluster", "name"])


def test_the_table_and_the_projection_are_those_of_the_chosen_method():
    projections = {name: pd.DataFrame(np.full((5, 2), i)) for i, name in enumerate("xy")}
    table, projection = chosen.take_best(
        {"method": "b"},
        METHODS,
        a_clusters=TABLE.assign(cluster=9),
        b_clusters=TABLE,
        pixels_projection=projections["x"],
        moco_projection=projections["y"],
    )
    pd.testing.assert_frame_equal(table, TABLE.drop(columns="label"))
    np.testing.assert_array_equal(projection, np.ones((5, 2)))


def test_names_of_another_clustering_are_refused():
    table, moco = (
        TABLE.assign(cluster=TABLE["cluster"]),
        pd.DataFrame({"x": range(5), "y": range(5)}),
    )
    results = {"b_clusters": table, "moco_projection": moco}
    with pytest.raises(InputError, match=r"there is no cluster 7, .* of another clustering"):
        chosen.take_best({"method": "b"}, METHODS, names_of(shirt=[3], bag=[7]), **results)


def test_names_stand_beside_their_clusters_and_merge_those_of_one_name():
    named = chosen.name_clusters(TABLE, names_of(shirt=[3, 1], bag=[0]))
    assert list(named) == ["index", "path", "cluster", "name", "confidence", "label"]
    assert named["cluster"].to_list() == [0, 1, 1, -1, 1]
    assert named["name"].to_list() == ["bag", "shirt", "shirt", "", "shirt"]
    again = chosen.name_clusters(named, names_of(shirt=[3, 1], bag=[0]))
    pd.testing.assert_frame_equal(again, named)


def test_clusters_without_a_name_keep_their_number():
    names = pd.DataFrame({"cluster": [0, 3, 7], "name": ["bag", None, "nowhere"]})
    named = chosen.name_clusters(TABLE, names)
    assert named["cluster"].to_list() == TABLE["cluster"].to_list()
    assert named["name"].to_list() == ["bag", "", "", "", ""]


def test_a_name_made_of_digits_is_text():
    named = chosen.name_clusters(TABLE, pd.DataFrame({"cluster": [0], "name": [2024]}))
    assert named["name"][0] == "2024"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (pd.DataFrame({"id": [1], "name": ["x"]}), r"columns must be 'cluster,name', found \['id'"),
        (names_of(bag=[0], shoe=[0]), "cluster 0 is named twice"),
        (pd.DataFrame({"cluster": ["one"], "name": ["x"]}), "'one' is no number of a cluster"),
    ],
)
def test_names_that_cannot_be_used(names, message):
    with pytest.raises(InputError, match=f"data.cluster_names: {message}"):
        chosen.name_clusters(TABLE, names)


def test_only_pictures_can_be_sorted_into_folders():
    bare = TABLE.drop(columns="path")
    assert chosen.sort_into_folders(TABLE, "links") is TABLE
    assert chosen.sort_into_folders(bare, "none") is bare
    with pytest.raises(InputError, match=r"evaluation.export: .* set it to none"):
        chosen.sort_into_folders(bare, "copies")


@pytest.mark.parametrize("named", [True, False])
def test_names_are_read_where_there_are_some(named):
    pipeline = chosen.create_pipeline({"a": "pixels", "b": "moco"}, named=named)
    assert ("cluster_names_file" in pipeline.inputs()) == named
