import gzip
import struct

import numpy as np
import pytest

from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import ImageFileError


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 5), ("t10k", 3)):
        images = rng.integers(0, 256, (count, 4, 6))
        labels = np.arange(count)
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return tmp_path


@pytest.mark.parametrize(
    ("split", "labels"),
    [("train", [0, 1, 2, 3, 4]), ("test", [0, 1, 2]), ("all", [0, 1, 2, 3, 4, 0, 1, 2])],
)
def test_splits(folder, split, labels):
    images, truth = read_idx_folder(folder, split)
    assert images.shape == (len(labels), 4, 6)
    np.testing.assert_array_equal(truth, labels)


def test_without_label_files(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert read_idx_folder(folder, "test")[1] is None
    assert read_idx_folder(folder, "all")[1] is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t10k-images-idx3-ubyte", idx(np.zeros((3, 4, 6)))[:-1], "71 values.*promises 3 x 4 x 6"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((3, 24))), "not an IDX file of bytes with 3"),
        ("t10k-images-idx3-ubyte", b"", "not an IDX file"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((0, 4, 6))), "promises 0 x 4 x 6"),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros(4)), mtime=0),
            "4 labels for the 3 images",
        ),
        (
            "t10k-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.zeros(3)), mtime=0)[:-9],
            "damaged gzip",
        ),
    ],
)
def test_bad_files_are_refused(folder, name, content, message):
    (folder / name).write_bytes(content)
    with pytest.raises(ImageFileError, match=f"{name}.*{message}"):
        read_idx_folder(folder, "test")


def test_missing_files_name_the_cure(tmp_path):
    with pytest.raises(ImageFileError, match=r"train-images.*set data.path"):
        read_idx_folder(tmp_path, "all")
