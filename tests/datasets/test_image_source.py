import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from fashion_mocluster.datasets.image_source import ImagesDataset, LabelsDataset
from tests.datasets.test_idx import folder as idx_folder  # noqa: F401


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "images.csv"
    path.write_text("label,pixel1,pixel2,pixel3,pixel4\n3,0,1,2,255\n0,9,8,7,6\n")
    return path


def test_csv_images_and_labels_come_apart(csv_file):
    assert ImagesDataset(filepath=str(csv_file)).load().shape == (2, 2, 2)
    np.testing.assert_array_equal(LabelsDataset(filepath=str(csv_file)).load(), [3, 0])


def test_limit_cuts_both(csv_file):
    assert len(ImagesDataset(filepath=str(csv_file), limit=1).load()) == 1
    np.testing.assert_array_equal(LabelsDataset(filepath=str(csv_file), limit=1).load(), [3])


def test_folders_are_recognized(idx_folder, tmp_path):  # noqa: F811
    assert ImagesDataset(filepath=str(idx_folder), split="all").load().shape == (8, 4, 6)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("L", (30, 40), 90).save(pictures / "a.png")
    assert ImagesDataset(filepath=str(pictures)).load().shape == (1, 28, 28)
    assert LabelsDataset(filepath=str(pictures)).load() is None


def test_torchvision_reads_files_that_are_there(idx_folder, tmp_path, monkeypatch):  # noqa: F811
    import torchvision

    def download(root, download):
        raw = tmp_path / "root" / "FashionMNIST" / "raw"
        raw.mkdir(parents=True)
        for path in idx_folder.iterdir():
            if path.is_file():
                (raw / path.name).write_bytes(path.read_bytes())

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    dataset = ImagesDataset(filepath=str(tmp_path / "root"), format="torchvision", split="train")
    assert dataset.load().shape == (5, 4, 6)


def test_failed_download_says_what_to_do(tmp_path, monkeypatch):
    import torchvision

    def download(root, download):
        raise RuntimeError("no network")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", download)
    with pytest.raises(DatasetError, match="could not download.*by hand"):
        ImagesDataset(filepath=str(tmp_path), format="torchvision").load()


def test_errors_keep_their_words(csv_file):
    csv_file.write_text("label,pixel1\n1,999\n")
    with pytest.raises(DatasetError, match="line 2, column 'pixel1': 999 is outside 0 to 255"):
        ImagesDataset(filepath=str(csv_file)).load()


def test_sources_are_never_written(csv_file):
    with pytest.raises(DatasetError, match="never written"):
        ImagesDataset(filepath=str(csv_file)).save(np.zeros(3))


@pytest.mark.parametrize(("option", "value"), [("format", "parquet"), ("split", "half")])
def test_unknown_options(csv_file, option, value):
    with pytest.raises(DatasetError, match=f"data.{option} is '{value}'"):
        ImagesDataset(filepath=str(csv_file), **{option: value})
