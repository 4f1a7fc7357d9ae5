import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fashion_mocluster.datasets import image_source, picture_files
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.image_source import (
    ClassNamesDataset,
    ImagePathsDataset,
    ImagesDataset,
    LabelsDataset,
    SkippedPicturesDataset,
)
from tests.datasets.test_idx import folder as idx_folder  # noqa: F401


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "images.csv"
    path.write_text("label,pixel1,pixel2,pixel3,pixel4\n3,0,1,2,255\n0,9,8,7,6\n")
    return path


@pytest.mark.parametrize("limit", [None, 1])
def test_csv_images_and_labels_come_apart(csv_file, limit):
    images = ImagesDataset(filepath=str(csv_file), limit=limit).load()
    assert images.shape == (limit or 2, 2, 2)
    labels = LabelsDataset(filepath=str(csv_file), limit=limit).load()
    np.testing.assert_array_equal(labels, [3, 0][:limit])


def test_folders_are_recognized(idx_folder, tmp_path):  # noqa: F811
    assert ImagesDataset(filepath=str(idx_folder), split="all").load().shape == (8, 4, 6)
    assert ImagePathsDataset(filepath=str(idx_folder)).load() is None
    assert list(SkippedPicturesDataset(filepath=str(idx_folder)).load()) == ["path", "reason"]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("L", (30, 40), 90).save(pictures / "a.png")
    for place in (pictures, pictures / "a.png"):
        assert ImagesDataset(filepath=str(place)).load().shape == (1, 28, 28)
        assert LabelsDataset(filepath=str(place)).load() is None
        assert ImagePathsDataset(filepath=str(place)).load()["path"].tolist() == ["a.png"]


def test_many_labels_need_one_reading(csv_file, monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return read(*arguments)

    read = image_source.read_image_csv
    monkeypatch.setattr(image_source, "read_image_csv", counted)
    ImagesDataset(filepath=str(csv_file)).load()
    for limit in (None, 1):
        labels = LabelsDataset(filepath=str(csv_file), limit=limit).load()
        labels[:] = -1  # what one node does to its labels is not seen by the next
    np.testing.assert_array_equal(LabelsDataset(filepath=str(csv_file)).load(), [3, 0])
    assert len(calls) == 1
    csv_file.write_text(csv_file.read_text().replace("\n3,", "\n11,"))
    np.testing.assert_array_equal(LabelsDataset(filepath=str(csv_file)).load(), [11, 0])
    assert len(calls) == 2


def test_a_changed_idx_file_is_read_again(idx_folder):  # noqa: F811
    labels = LabelsDataset(filepath=str(idx_folder))
    assert len(labels.load()) == 3
    assert len(LabelsDataset(filepath=str(idx_folder), split="train").load()) == 5
    (idx_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert labels.load() is None


def test_labels_of_pictures_are_known_without_opening_them(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    assert LabelsDataset(filepath=str(tmp_path)).load() is None


@pytest.mark.parametrize("name", ["x #1", "a, b", "a: b", "~"])
def test_paths_with_characters_that_mean_something_elsewhere(csv_file, name):
    folder = csv_file.parent / name
    folder.mkdir()
    path = csv_file.rename(folder / "images.csv")
    assert len(ImagesDataset(filepath=str(path)).load()) == 2


def test_the_home_folder(csv_file, monkeypatch):
    monkeypatch.setenv("HOME", str(csv_file.parent))
    assert len(ImagesDataset(filepath="~/images.csv").load()) == 2


def test_a_folder_without_images_names_what_could_be_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataFileError, match=r"neither pictures \(.*\.jpg.*nor IDX files"):
        ImagesDataset(filepath=str(tmp_path)).load()


def test_a_folder_of_heic_without_its_package_names_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "heif_is_read", lambda: False)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"x")
    with pytest.raises(DataFileError, match=r"no picture .* 1 HEIC .*pip install pillow-heif"):
        ImagesDataset(filepath=str(tmp_path)).load()


def test_a_missing_path_names_its_parameter():
    with pytest.raises(DataFileError, match=r"no path is set: pass --params=data\.path="):
        LabelsDataset(filepath=None).load()


def test_whether_there_is_something_to_read_is_known_without_reading(csv_file, tmp_path):
    ImagesDataset(filepath=csv_file).check_path()
    ImagesDataset(filepath=str(tmp_path / "downloads"), format="torchvision").check_path()
    (tmp_path / "empty").mkdir()
    for name, message in (("nowhere", "no such file or folder"), ("empty", "neither pictures")):
        with pytest.raises(DataFileError, match=f"{name}: .*{message}"):
            ImagesDataset(filepath=str(tmp_path / name)).check_path()


def replace_torchvision(monkeypatch, download):
    """A module in place of torchvision's, whose import takes seconds."""
    module = SimpleNamespace(FashionMNIST=download)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(datasets=module))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)


def copy_files(source, target):
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            shutil.copy(path, target)


def test_torchvision_reads_files_that_are_there(idx_folder, tmp_path, monkeypatch):  # noqa: F811
    def download(root, download):
        copy_files(idx_folder, Path(root, "FashionMNIST/raw"))

    replace_torchvision(monkeypatch, download)
    dataset = ImagesDataset(filepath=str(tmp_path / "root"), format="torchvision", split="train")
    assert dataset.load().shape == (5, 4, 6)


def test_runs_side_by_side_take_turns_to_download(idx_folder, tmp_path, monkeypatch):  # noqa: F811
    both_are_here = threading.Barrier(2)

    def download(root, download):
        raw = Path(root, "FashionMNIST/raw")
        if not raw.exists():
            with pytest.raises(threading.BrokenBarrierError):
                both_are_here.wait(timeout=0.3)
            copy_files(idx_folder, raw)

    replace_torchvision(monkeypatch, download)
    source = {"filepath": str(tmp_path / "root"), "format": "torchvision", "split": "train"}
    with ThreadPoolExecutor(2) as pool:
        loaded = pool.map(lambda _: ImagesDataset(**source).load(), range(2))
        assert [len(images) for images in loaded] == [5, 5]


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    def download(root, download):
        raise RuntimeError("no network")

    replace_torchvision(monkeypatch, download)
    with pytest.raises(DataFileError, match="could not download.*by hand"):
        ImagesDataset(filepath=str(tmp_path), format="torchvision").load()


def test_errors_keep_their_words(csv_file):
    csv_file.write_text("label,pixel1\n1,999\n")
    with pytest.raises(DataFileError, match="line 2, column 'pixel1': 999 is outside 0 to 255"):
        ImagesDataset(filepath=str(csv_file)).load()


def test_sources_are_never_written(csv_file):
    with pytest.raises(DataFileError, match="never written"):
        ImagesDataset(filepath=str(csv_file)).save(np.zeros(3))


@pytest.fixture
def classes(tmp_path):
    """Two pictures in each of the folders 2, 10 and dress."""
    root = tmp_path / "classes"
    for number, name in enumerate(("dress", "10", "2")):
        (root / name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (9, 9), (80 * number, 10 * i, 0)).save(root / name / f"{i}.png")
    return root


def test_subfolders_are_labels_where_asked_for(classes, tmp_path):
    source = {"filepath": str(classes), "cache": str(tmp_path / "p.npy"), "labels": "folders"}
    images = ImagesDataset(**source).load()
    np.testing.assert_array_equal(LabelsDataset(**source).load(), [0, 0, 1, 1, 2, 2])
    assert ClassNamesDataset(**source, class_names=["Shirt"]).load() == ["2", "10", "dress"]
    assert images[:, 0, 0, 0].tolist() == [160, 160, 80, 80, 0, 0]
    assert LabelsDataset(**{**source, "labels": None}).load() is None
    np.testing.assert_array_equal(LabelsDataset(**source, limit=3).load(), [0, 0, 1])
    Image.new("L", (9, 9)).save(classes / "alone.png")
    ImagesDataset(**source).load()
    with pytest.raises(DataFileError, match="1 picture in no folder, such as alone.png"):
        LabelsDataset(**source).load()


def test_names_of_labels(csv_file):
    names = ClassNamesDataset(filepath=str(csv_file), class_names=["a", "b"])
    assert names.load() == ["a", "b"]
    csv_file.write_text(csv_file.read_text().replace("\n3,", "\nshoe,").replace("\n0,", "\nhat,"))
    assert names.load() == ["hat", "shoe"]
    assert ClassNamesDataset(filepath=str(csv_file)).load() == ["hat", "shoe"]


def test_paths_and_what_was_skipped_are_those_of_the_images(classes, tmp_path):
    source = {"filepath": str(classes), "cache": str(tmp_path / "p.npy")}
    (classes / "x.jpg").write_text("no picture")
    images = ImagesDataset(**source).load()
    (classes / "later.png").write_bytes((classes / "2/0.png").read_bytes())
    paths = ImagePathsDataset(**source).load()["path"].tolist()
    assert len(paths) == len(images)
    assert paths[::2] == ["2/0.png", "10/0.png", "dress/0.png"]
    skipped = SkippedPicturesDataset(**source).load()
    assert skipped.to_dict("list") == {
        "path": ["x.jpg"],
        "reason": ["no picture, or of an unknown format"],
    }


def test_damaged_images_of_the_earlier_run_are_named(classes, tmp_path):
    (tmp_path / "images.npy").touch()
    source = ImagesDataset(filepath=str(classes), same_as=str(tmp_path / "images.npy"))
    with pytest.raises(DataFileError, match=r"images\.npy: .* cannot be read .*data_processing"):
        source.load()


@pytest.mark.parametrize("known", [(5, 6, 7), (5, 6, 7, 3)])
def test_new_pictures_get_the_size_and_colors_of_known_images(classes, tmp_path, known):
    np.save(tmp_path / "images.npy", np.zeros(known, np.uint8))
    source = {"filepath": str(classes), "same_as": str(tmp_path / "images.npy")}
    assert ImagesDataset(**source).load().shape == (6, *known[1:])
    assert ImagesDataset(**source, image_shape=[8, 8]).load().shape[1:3] == (8, 8)
