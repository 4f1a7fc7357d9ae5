import numpy as np
import pytest

from fashion_mocluster.datasets.arrays import NumpyDataset
from fashion_mocluster.datasets.errors import DataFileError


def test_round_trip(tmp_path):
    dataset = NumpyDataset(filepath=str(tmp_path / "x" / "a.npy"))
    assert not dataset.exists()
    dataset.save(np.arange(5, dtype=np.uint8))
    np.testing.assert_array_equal(dataset.load(), np.arange(5))
    assert dataset.exists()


def test_pickled_objects_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataFileError, match=r"a.npy"):
        NumpyDataset(filepath=str(path)).load()
    path.write_bytes(b"\x93NUMPY broken")
    with pytest.raises(DataFileError, match=r"a.npy"):
        NumpyDataset(filepath=str(path)).load()
