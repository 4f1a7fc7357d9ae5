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


def test_the_page_is_of_the_chosen_method_with_the_names_given_before():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    clusters = pd.DataFrame({"cluster": [0, 1] * 3, "confidence": 1.0})
    duplicates, outliers = (
        pd.DataFrame(columns=["index", *more]) for more in (["group", "kind"], ["distance"])
    )
    page = chosen.write_gallery(
        images,
        clusters,
        np.eye(6, 2),
        duplicates,
        outliers,
        {"method": "mine", "clustering": "abcdefgh"},
        {"mine": METHODS["a"].model_copy(update={"title": "Mine <3"})},
        pd.DataFrame({"cluster": [1], "name": ["Boots"]}),
    )
    assert "<h1>Clusters by Mine &lt;3</h1>" in page
    assert '"name": "Boots"' in page
    assert '"clustering": "abcdefgh"' in page


@pytest.mark.parametrize("named", [True, False])
def test_names_are_read_where_there_are_some(named):
    pipeline = chosen.create_pipeline({"a": "pixels", "b": "moco"}, named=named)
    takers = {node.name for node in pipeline.nodes if "cluster_names" in node.inputs}
    assert takers == ({"evaluation.take_best", "evaluation.write_gallery"} if named else set())
