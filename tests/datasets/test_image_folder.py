import numpy as np
import pytest
from PIL import Image

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.image_folder import list_pictures, read_image_folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    dark = np.zeros((20, 10, 3), np.uint8)
    dark[5:15, 3:7] = 200
    Image.fromarray(dark).save(tmp_path / "b" / "dark.png")
    Image.fromarray(255 - dark).save(tmp_path / "light.jpg", quality=95)
    clear = np.zeros((20, 10, 4), np.uint8)
    clear[5:15, 3:7] = (55, 55, 55, 255)
    Image.fromarray(clear).save(tmp_path / "transparent.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_become_grayscale_images_on_black_sorted_by_path(folder):
    assert [p.name for p in list_pictures(folder)] == ["dark.png", "light.jpg", "transparent.png"]
    images = read_image_folder(folder, (20, 20))
    assert images.shape == (3, 20, 20)
    assert images.dtype == np.uint8
    expected = np.zeros((20, 20))
    expected[5:15, 8:12] = 200
    for image in images:
        assert np.abs(image - expected).mean() < 3


def test_damaged_picture_is_named(folder):
    (folder / "broken.png").write_bytes(b"\x89PNG not really")
    with pytest.raises(DataFileError, match="broken.png: cannot be read"):
        read_image_folder(folder, (8, 8))


def test_empty_folder(tmp_path):
    with pytest.raises(DataFileError, match="no pictures below it"):
        read_image_folder(tmp_path, (8, 8))


def test_hidden_files_side_files_of_macos_and_folders_named_like_pictures_are_left_out(tmp_path):
    root = tmp_path / ".hidden" / "photos"  # only names below the folder count
    for name in ("a.png", "shop.jpg/b.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(root / name)
    for name in ("._a.png", "__MACOSX/c.png", ".ipynb_checkpoints/a-checkpoint.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"not a picture")
    assert list_pictures(root) == [root / "a.png", root / "shop.jpg" / "b.png"]
