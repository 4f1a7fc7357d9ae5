import errno
import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from kedro.io import DatasetError

from fashion_mocluster.datasets import atomic_datasets


def figure(title):
    drawn, axes = plt.subplots(figsize=(1, 1))
    axes.set_title(title)
    return drawn


OLD, NEW = pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})
KINDS = [
    pytest.param(atomic_datasets.CSVDataset, "t.csv", OLD, NEW, id="csv"),
    pytest.param(atomic_datasets.ParquetDataset, "t.parquet", OLD, NEW, id="parquet"),
    pytest.param(atomic_datasets.JSONDataset, "t.json", {"a": 1}, {"a": 2}, id="json"),
    pytest.param(
        atomic_datasets.MatplotlibDataset,
        "t.png",
        lambda: figure("a"),
        lambda: figure("b"),
        id="png",
    ),
]


@pytest.mark.parametrize(("kind", "name", "old", "new"), KINDS)
def test_saved_whole_in_a_new_folder(tmp_path, kind, name, old, new):
    path = tmp_path / "deep" / name
    dataset = kind(filepath=str(path))
    for data in (old, new):
        dataset.save(data() if callable(data) else data)
    assert [p.name for p in path.parent.iterdir()] == [name]
    if name == "t.csv":
        pd.testing.assert_frame_equal(pd.read_csv(path)[["a"]], NEW)
    if name == "t.parquet":
        pd.testing.assert_frame_equal(dataset.load(), NEW)
    if name == "t.json":
        assert json.loads(path.read_text()) == dataset.load() == {"a": 2}
    if name == "t.png":
        assert dataset.load() == path.read_bytes()
        assert dataset.load().startswith(b"\x89PNG")


@pytest.mark.parametrize(("kind", "name", "old", "new"), KINDS)
def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch, kind, name, old, new):
    path = tmp_path / name
    dataset = kind(filepath=str(path))
    dataset.save(old() if callable(old) else old)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(DatasetError, match="cannot be written.*untouched.*Free some space"):
            dataset.save(new() if callable(new) else new)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    dataset.save(new() if callable(new) else new)  # the dataset still knows its own file
    assert path.read_bytes() != before


def test_previews_are_those_of_kedro_datasets(tmp_path):
    dataset = atomic_datasets.CSVDataset(
        filepath=str(tmp_path / "t.csv"), save_args={"index": False}
    )
    dataset.save(OLD)
    assert dataset.preview()["data"] == [[1]]


@pytest.mark.parametrize("parent", ["file", "folder"])
def test_a_file_where_a_folder_should_be_is_named(tmp_path, parent):
    (tmp_path / "x").touch() if parent == "file" else (tmp_path / "x" / "t.csv").mkdir(parents=True)
    dataset = atomic_datasets.CSVDataset(filepath=str(tmp_path / "x" / "t.csv"))
    with pytest.raises(DatasetError, match=r"t\.csv: cannot be written.*move it away"):
        dataset.save(OLD)
    assert Path(tmp_path / "x").exists()
