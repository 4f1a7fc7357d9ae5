import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.evaluation import cluster_names
from fashion_mocluster.pipelines.evaluation.cluster_names import (
    add_names,
    check_cluster_names,
    fingerprint,
    merge_by_name,
    name_if_chosen,
    names_in,
)

TABLE = pd.DataFrame(
    {"path": list("abcde"), "cluster": [0, 3, 1, -1, 3], "confidence": 1.0, "label": 0}
)
BEST = {"method": "mine", "clustering": "abcdefgh", "sizes": {"0": 1, "1": 1, "3": 2, "-1": 1}}


def names_of(**clusters):
    """Names as they are once checked, by name a list of clusters."""
    pairs = [(cluster, name) for name, listed in clusters.items() for cluster in listed]
    return pd.DataFrame(pairs, columns=["cluster", "name"])


def test_a_fingerprint_tells_clusterings_apart_and_survives_a_spreadsheet():
    labels = np.random.default_rng(0).integers(0, 5, 100)
    found = fingerprint(labels)
    assert found == fingerprint(labels.astype(np.int32))
    assert found.isalpha()
    assert found.islower()
    changed = labels.copy()
    changed[7] += 1
    assert len({found, fingerprint(changed), fingerprint(labels[::-1])}) == 3


def test_names_saved_for_these_clusters_are_taken(caplog):
    file = names_of(shirt=[3, 1], bag=[0]).assign(clustering="abcdefgh")
    pd.testing.assert_frame_equal(check_cluster_names(file, BEST), names_of(shirt=[3, 1], bag=[0]))
    assert not caplog.text


def test_names_of_another_clustering_with_the_same_numbers_are_refused():
    file = names_of(shirt=[3, 1], bag=[0]).assign(clustering="stuvwxyz")
    with pytest.raises(InputError, match=r"another clustering \(stuvwxyz, this one is abcdefgh\)"):
        check_cluster_names(file, BEST)


def test_what_a_spreadsheet_makes_of_the_file_is_still_read():
    """Another order, a column more, numbers with a fraction, an empty line, a line of the user's."""
    file = pd.DataFrame(
        {
            "name": ["bag", None, "shirt", None],
            "remark": ["", None, "?", None],
            "cluster": [0.0, 3.0, 1.0, None],
            "clustering": ["abcdefgh ", "abcdefgh", None, None],
        }
    )
    file.loc[0, "remark"] = None
    pd.testing.assert_frame_equal(check_cluster_names(file, BEST), names_of(bag=[0], shirt=[1]))


def test_names_written_by_hand_are_taken_and_it_is_said_that_nothing_was_compared(caplog):
    file = pd.DataFrame({"cluster": [0, 3], "name": ["bag", 2024]})
    pd.testing.assert_frame_equal(
        check_cluster_names(file, BEST), names_of(**{"bag": [0], "2024": [3]})
    )
    assert "no column 'clustering'" in caplog.text
    with pytest.raises(InputError, match=r"there is no cluster 7, .* of another clustering; run"):
        check_cluster_names(names_of(bag=[7]), BEST)


def test_a_run_that_an_older_version_stored_is_to_be_repeated():
    with pytest.raises(InputError, match=r"of an older version; run it again"):
        check_cluster_names(names_of(bag=[0]), {"method": "mine"})


def test_names_are_of_the_chosen_method():
    file = names_of(bag=[0])
    assert len(check_cluster_names(file, BEST, method="mine")) == 1
    with pytest.raises(
        InputError, match=r"clusters of mine, the chosen method, but predict.method"
    ):
        check_cluster_names(file, BEST, method="other")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (pd.DataFrame({"id": [1], "name": ["x"]}), r"columns must be 'cluster,name', found \['id'"),
        (names_of(bag=[0], shoe=[0]), "cluster 0 is named twice"),
        (pd.DataFrame({"cluster": ["one"], "name": ["x"]}), "'one' is no number of a cluster"),
        (pd.DataFrame({"cluster": [1.5], "name": ["x"]}), "'1.5' is no number of a cluster"),
    ],
)
def test_names_that_cannot_be_used(names, message):
    with pytest.raises(InputError, match=f"{cluster_names.SOURCE}: {message}"):
        check_cluster_names(names, BEST)


def test_names_stand_beside_their_clusters():
    named = add_names(TABLE, names_of(shirt=[3, 1], bag=[0]))
    assert list(named) == ["path", "cluster", "name", "confidence", "label"]
    assert named["cluster"].to_list() == [0, 3, 1, -1, 3]
    assert named["name"].to_list() == ["bag", "shirt", "shirt", "", "shirt"]
    pd.testing.assert_frame_equal(names_in(named), names_of(bag=[0], shirt=[3, 1]))
    assert names_in(TABLE) is None


def test_only_the_table_of_the_chosen_method_gets_names():
    names = names_of(shirt=[3, 1])
    assert "name" in name_if_chosen(TABLE, BEST, names, method="mine")
    assert name_if_chosen(TABLE, BEST, names, method="other") is TABLE


def test_clusters_of_one_name_become_one():
    names = names_of(shirt=[3, 1], bag=[0])
    merged = merge_by_name(TABLE, names)
    assert merged["cluster"].to_list() == [0, 1, 1, -1, 1]
    assert merged["name"].to_list() == ["bag", "shirt", "shirt", "", "shirt"]
    pd.testing.assert_frame_equal(merge_by_name(merged, names), merged)
    assert merge_by_name(TABLE, names_of(bag=[0]))["name"].to_list() == ["bag", "", "", "", ""]


def test_unsorted_images_that_are_called_like_a_cluster_become_part_of_it():
    names = names_of(shirt=[3, -1])
    merged = merge_by_name(TABLE, names)
    assert merged["cluster"].to_list() == [0, 3, 1, 3, 3]
    assert merged["name"].to_list() == ["", "shirt", "", "shirt", "shirt"]
    pd.testing.assert_frame_equal(merge_by_name(merged, names), merged)
    unsorted = merge_by_name(TABLE, names_of(odd=[-1]))
    assert unsorted["cluster"].to_list() == TABLE["cluster"].to_list()
    assert unsorted["name"].to_list() == ["", "", "", "odd", ""]


def test_clusters_that_were_merged_cannot_get_two_names():
    merged = merge_by_name(TABLE, names_of(shirt=[3, 1]))
    with pytest.raises(InputError, match=r"cluster 3 is called 'coat', but the stored run merged"):
        merge_by_name(merged, names_of(shirt=[1], coat=[3]))
