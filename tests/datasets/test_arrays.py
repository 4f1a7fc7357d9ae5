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


def test_a_mapped_array_can_be_changed_but_its_file_is_not(tmp_path):
    dataset = NumpyDataset(filepath=str(tmp_path / "a.npy"), memory_map=True)
    dataset.save(np.arange(5, dtype=np.uint8))
    mapped = dataset.load()
    assert isinstance(mapped, np.memmap)
    mapped[:] = 9
    np.testing.assert_array_equal(dataset.load(), np.arange(5))


def test_the_whole_array_of_a_file_is_not_stored_twice_and_a_part_is(tmp_path):
    source, target = tmp_path / "source.npy", tmp_path / "target.npy"
    np.save(source, np.arange(12, dtype=np.uint8).reshape(6, 2))
    dataset = NumpyDataset(filepath=str(target))
    whole = np.load(source, mmap_mode="r")
    for _ in range(2):
        dataset.save(whole)
        assert target.samefile(source)
    changed = np.load(source, mmap_mode="c")
    changed[0] = 9
    for part in (whole[:3], whole[::-1], changed):
        dataset.save(part)
        assert not target.samefile(source)
        np.testing.assert_array_equal(dataset.load(), part)
    np.testing.assert_array_equal(np.load(source), np.arange(12).reshape(6, 2))


def test_what_a_killed_process_left_is_not_written_through(tmp_path):
    source = tmp_path / "source.npy"
    np.save(source, np.arange(6))
    (tmp_path / ".a.partial.npy").hardlink_to(source)
    NumpyDataset(filepath=str(tmp_path / "a.npy")).save(np.zeros(6, int))
    np.testing.assert_array_equal(np.load(source), np.arange(6))
