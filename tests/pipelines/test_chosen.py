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


def test_names_merge_clusters_and_the_sizes_are_those_of_the_merged_ones():
    names = pd.DataFrame({"cluster": [3, 1, 0], "name": ["shirt", "shirt", "bag"]})
    moco = pd.DataFrame({"x": range(5), "y": range(5)})
    results = {"b_clusters": TABLE.assign(name="?"), "moco_projection": moco}
    table, _ = chosen.take_best({"method": "b"}, METHODS, names, **results)
    assert list(table) == ["index", "path", "cluster", "name", "confidence"]
    assert table["cluster"].to_list() == [0, 1, 1, -1, 1]
    assert chosen.tabulate_sizes(table).to_dict("list") == {
        "cluster": [0, 1, -1],
        "name": ["bag", "shirt", ""],
        "images": [1, 3, 1],
        "share": [0.2, 0.6, 0.2],
        "confidence": [1, 0.8333, 0],
    }
    assert list(chosen.tabulate_sizes(TABLE)["images"]) == [1, 1, 2, 1]


def test_only_pictures_can_be_sorted_into_folders():
    bare = TABLE.drop(columns="path")
    assert chosen.sort_into_folders(TABLE, "links") is TABLE
    assert chosen.sort_into_folders(bare, "none") is bare
    with pytest.raises(InputError, match=r"evaluation.export: .* set it to none"):
        chosen.sort_into_folders(bare, "copies")


@pytest.mark.parametrize("named", [True, False])
def test_names_are_read_where_there_are_some(named):
    pipeline = chosen.create_pipeline({"a": "pixels", "b": "moco"}, named=named)
    assert ("cluster_names" in pipeline.inputs()) == named
