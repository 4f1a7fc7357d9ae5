import gzip
import shutil
import struct

import numpy as np
import pytest

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.idx import read_idx_folder


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    for prefix, count in (("train", 5), ("t10k", 3)):
        images, labels = np.arange(24 * count).reshape(count, 4, 6), np.arange(count)
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path


@pytest.mark.parametrize(
    ("split", "labels"),
    [("train", [0, 1, 2, 3, 4]), ("test", [0, 1, 2]), ("all", [0, 1, 2, 3, 4, 0, 1, 2])],
)
def test_splits(folder, split, labels):
    images, truth = read_idx_folder(folder, split)
    pixels = [np.arange(24) + 24 * label for label in labels]
    np.testing.assert_array_equal(images, np.reshape(pixels, (-1, 4, 6)))
    np.testing.assert_array_equal(truth, labels)


def test_without_label_files(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert read_idx_folder(folder, "test")[1] is None
    assert read_idx_folder(folder, "all")[1] is None


def renamed_with_dots(folder, target):
    for path in folder.iterdir():
        shutil.copy(path, target / path.name.replace("-idx", ".idx"))


def folder_per_file(folder, target):
    for path in folder.iterdir():
        (target / path.name).mkdir()
        shutil.copy(path, target / path.name)


def torchvision_root(folder, target):
    shutil.copytree(folder, target / "FashionMNIST" / "raw")


@pytest.mark.parametrize("arrange", [renamed_with_dots, folder_per_file, torchvision_root])
def test_the_layouts_of_kaggle_and_torchvision(folder, tmp_path_factory, arrange):
    target = tmp_path_factory.mktemp("target")
    arrange(folder, target)
    for found, expected in zip(
        read_idx_folder(target, "all"), read_idx_folder(folder, "all"), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_two_data_sets_below_the_folder_are_not_mixed(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("target")
    for name in ("MNIST", "FashionMNIST"):
        shutil.copytree(folder, target / name / "raw")
    with pytest.raises(
        DataFileError, match=r"more than one folder.*FashionMNIST/raw, .*/MNIST/raw"
    ):
        read_idx_folder(target, "test")
