import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.datasets.embeddings import (
    EarlierEmbeddingsDataset,
    ExternalEmbeddingsDataset,
)
from fashion_mocluster.datasets.errors import DataFileError

Z = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def load(path):
    return ExternalEmbeddingsDataset(filepath=str(path)).load()


def test_the_same_table_from_every_kind_of_file(tmp_path):
    table = pd.DataFrame(Z, columns=["feature_0", "feature_1", "feature_2"])
    np.save(tmp_path / "z.npy", Z)
    table.to_parquet(tmp_path / "z.parquet")
    table.to_csv(tmp_path / "z.CSV", index=False)
    for name in ("z.npy", "z.parquet", "z.CSV"):
        pd.testing.assert_frame_equal(load(tmp_path / name), table, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("z.txt", b"1 2", r"read from \.npy, \.parquet, \.csv"),
        ("z.npy", b"no array", "cannot be read as embeddings"),
        ("z.parquet", b"no table", "cannot be read as embeddings"),
        ("z.csv", b"", "cannot be read as embeddings"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=rf"{name}: .*{message}"):
        load(tmp_path / name)


@pytest.mark.parametrize("array", [Z[0], np.array([["a", "b"]])])
def test_an_array_that_is_no_table_of_numbers_is_refused(tmp_path, array):
    np.save(tmp_path / "z.npy", array)
    with pytest.raises(DataFileError, match="expected numbers in two dimensions"):
        load(tmp_path / "z.npy")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataFileError, match=r"z\.npy: no such file"):
        load(tmp_path / "z.npy")


def test_those_of_an_earlier_run_are_found_where_it_left_them(tmp_path):
    paths = [str(tmp_path / name) for name in ("own.parquet", "first.parquet")]
    dataset = EarlierEmbeddingsDataset(filepaths=paths)
    assert dataset.load() is None
    assert not dataset.exists()
    table = pd.DataFrame(Z, columns=["feature_0", "feature_1", "feature_2"])
    table.attrs = {"network": "n", "images": "a b c d e"}
    table.to_parquet(paths[1], index=False)
    assert dataset.exists()
    assert dataset.load().attrs == table.attrs
    pd.testing.assert_frame_equal(dataset.load(), table)
    (tmp_path / "own.parquet").write_bytes(b"half of a tab")
    assert dataset.load() is not None
    table[:2].to_parquet(paths[0], index=False)
    assert len(dataset.load()) == 2
