import json
import os
import shutil

import pandas as pd
import pytest
from PIL import Image

from fashion_mocluster.datasets.cluster_folders import LIST, ClusterFoldersDataset
from fashion_mocluster.datasets.errors import DataFileError

TABLE = pd.DataFrame(
    {"path": ["a.png", "b/a.png", "c/A.png", "ü, 1.png"], "cluster": [0, 0, 0, -1]}
)


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(TABLE["path"]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4 + number, 4)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def export(photos, tmp_path):
    def _export(kind, table=TABLE):
        target = str(tmp_path / "out")
        ClusterFoldersDataset(filepath=str(target), source=str(photos), mode=kind).save(table)
        return found(tmp_path / "out")

    return _export


def found(folder):
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != LIST)
    return sorted(p.relative_to(folder).as_posix() for p in files)


NAMES = ["cluster_0/A_3.png", "cluster_0/a.png", "cluster_0/a_2.png", "unsorted/ü, 1.png"]


@pytest.mark.parametrize("kind", ["links", "copies"])
def test_one_folder_per_cluster(export, photos, tmp_path, kind):
    assert export(kind) == NAMES
    for name, path in zip(
        ["a.png", "a_2.png", "A_3.png", "../unsorted/ü, 1.png"], TABLE["path"], strict=True
    ):
        made = tmp_path / "out" / "cluster_0" / name
        assert made.is_symlink() == (kind == "links")
        assert made.read_bytes() == (photos / path).read_bytes()


def test_folders_have_the_names_of_their_clusters(export):
    names = ["shoes: left/right", "..", "", "x"]
    made = export("copies", TABLE.assign(cluster=[0, 1, 2, -1], name=names))
    assert [name.partition("/")[0] for name in made] == [
        *("cluster_1", "cluster_2", "shoes_ left_right", "x")
    ]


def test_nothing_is_made_unless_asked_for(export):
    assert export("none") == []
    assert export("links", TABLE[["cluster"]]) == []


@pytest.mark.parametrize("kind", ["links", "copies"])
def test_folders_of_other_clusters_are_removed_even_if_no_export_follows(
    export, photos, tmp_path, kind, caplog
):
    caplog.set_level("INFO")
    made = export(kind)
    assert export("none") == made  # they show these clusters
    (tmp_path / "out" / "cluster_0" / "my notes.txt").write_text("mine")
    assert export("none", TABLE.assign(cluster=1)) == ["cluster_0/my notes.txt"]
    assert "removed, as an earlier run had exported other clusters" in caplog.text
    export(kind, TABLE)
    (tmp_path / "out" / "cluster_0" / "my notes.txt").unlink()
    assert export("none", TABLE[["cluster"]]) == []
    assert not (tmp_path / "out").exists()
    assert len(list(photos.rglob("*.png"))) == len(TABLE)


def test_a_copy_that_was_changed_outlives_its_clusters_and_is_said(export, tmp_path, caplog):
    export("copies")
    (tmp_path / "out" / "cluster_0" / "a.png").write_text("edited")
    for _ in range(2):
        assert export("none", TABLE.assign(cluster=1)) == ["cluster_0/a.png"]
    assert "such as cluster_0/a.png" in caplog.text
    assert "cluster_1/a.png" in export("copies", TABLE.assign(cluster=1))


@pytest.mark.parametrize("kinds", [("links", "copies"), ("copies", "links")])
def test_the_next_export_replaces_only_what_the_last_one_made(export, photos, tmp_path, kinds):
    export(kinds[0])
    out = tmp_path / "out"
    (out / "cluster_0" / "my notes.txt").write_text("mine")
    (out / "unsorted" / "ü, 1.png").unlink()
    (out / "unsorted" / "ü, 1.png").write_text("edited")
    before = {p: p.read_bytes() for p in photos.rglob("*.png")}
    assert export(kinds[1], TABLE[:2].assign(cluster=[1, 2])) == [
        *("cluster_0/my notes.txt", "cluster_1/a.png", "cluster_2/a.png", "unsorted/ü, 1.png")
    ]
    assert (out / "unsorted" / "ü, 1.png").read_text() == "edited"
    assert {p: p.read_bytes() for p in photos.rglob("*.png")} == before


@pytest.mark.parametrize("kind", ["links", "copies"])
def test_an_original_that_was_moved_into_a_cluster_is_not_removed(export, photos, tmp_path, kind):
    export(kind)
    (photos / "a.png").replace(tmp_path / "out" / "cluster_0" / "a.png")
    assert "cluster_0/a.png" in export("links", TABLE[1:].assign(cluster=7))
    shutil.rmtree(tmp_path / "out" / "cluster_7")
    (tmp_path / "out" / "cluster_7").symlink_to(photos / "b")
    with pytest.raises(DataFileError, match=r"cluster_7/a.png: .* in the way"):
        export("links", TABLE[1:].assign(cluster=7))
    assert (photos / "b" / "a.png").is_file()


def test_foreign_files_are_never_overwritten(export, tmp_path):
    foreign = tmp_path / "out" / "cluster_0" / "a.png"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    with pytest.raises(DataFileError, match=r"cluster_0/a.png: .* not of an earlier export"):
        export("copies")
    assert foreign.read_text() == "mine"
    assert found(tmp_path / "out") == ["cluster_0/a.png"]


def test_what_an_interrupted_export_left_is_removed(export, monkeypatch, tmp_path):
    def interrupted(original, place):
        if os.path.basename(place) == "a_2.png":
            raise KeyboardInterrupt
        return copy(original, place)

    from fashion_mocluster.datasets import cluster_folders

    copy = cluster_folders.shutil.copy2
    with monkeypatch.context() as patch:
        patch.setattr(cluster_folders.shutil, "copy2", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export("copies")
    assert export("copies", TABLE.assign(cluster=5))[0] == "cluster_5/A_3.png"
    assert not (tmp_path / "out" / "cluster_0").exists()


def test_a_picture_that_is_gone_is_named(export, photos):
    (photos / "b" / "a.png").unlink()
    with pytest.raises(DataFileError, match=r"b/a.png: cannot be exported \(No such file"):
        export("links")


@pytest.mark.parametrize("kind", ["links", "copies"])
def test_a_list_of_an_older_version_is_read(export, tmp_path, kind):
    export(kind)
    listed = tmp_path / "out" / LIST
    made = json.loads(listed.read_text())
    listed.write_text(json.dumps({name: [original, 91, 17] for name, original in made.items()}))
    assert export("none") == NAMES
    assert export(kind, TABLE.assign(cluster=[1, 1, 1, -1])) == [
        name.replace("_0", "_1") for name in NAMES
    ]


def test_names_that_are_no_utf8(export, photos, tmp_path):
    os.rename(photos / "a.png", os.fsencode(photos) + b"/caf\xe9.png")
    made = export("links", pd.DataFrame({"path": ["caf\\xe9.png"], "cluster": [0]}))
    assert made == ["cluster_0/caf\\xe9.png"]
