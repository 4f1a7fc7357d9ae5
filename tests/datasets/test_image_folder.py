import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from fashion_mocluster import progress
from fashion_mocluster.datasets import image_folder
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.image_folder import read_image_folder, stored_pictures
from fashion_mocluster.datasets.picture_cache import PictureCache
from fashion_mocluster.datasets.picture_options import PictureOptions

OPTIONS = PictureOptions(image_shape=(8, 8), invert=False)


def save(path, value):
    """A picture of one gray, or of one color."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8, 3), value, np.uint8)
    Image.fromarray(pixels if np.size(value) == 3 else pixels[..., 0]).save(path)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for i in range(12):
        save(root / f"{i}.png", 20 * i)
    return root


@pytest.fixture
def cache(tmp_path):
    return PictureCache(tmp_path / "run" / "pictures.npy")


@pytest.fixture
def decoded(monkeypatch):
    """Names of the pictures that were decoded, so far."""
    names = []

    def counted(path, *rest):
        names.append(path.name)
        return decode(path, *rest)

    decode = image_folder.decode_picture
    monkeypatch.setattr(image_folder, "decode_picture", counted)
    return names


def values(pictures):
    return pictures.images[:, 0, 0].tolist()


def test_gray_pictures_in_natural_order(folder):
    pictures = read_image_folder(folder, OPTIONS)
    assert pictures.images.shape == (12, 8, 8)
    assert pictures.images.dtype == np.uint8
    assert pictures.paths == [f"{i}.png" for i in range(12)]
    assert values(pictures) == [20 * i for i in range(12)]


@pytest.mark.parametrize(
    ("color", "with_colors", "shape"),
    [
        ("auto", True, (8, 8, 3)),
        ("auto", False, (8, 8)),
        ("rgb", False, (8, 8, 3)),
        ("gray", True, (8, 8)),
    ],
)
def test_color_is_kept_where_asked_for_or_found(folder, color, with_colors, shape):
    if with_colors:
        save(folder / "3.png", (200, 0, 0))
    options = OPTIONS.model_copy(update={"color": color})
    images = read_image_folder(folder, options).images
    assert images.shape == (12, *shape)
    expected = [20 * i for i in range(12)]
    if with_colors:
        expected[3] = 200 if color == "auto" else 60  # ITU-R 601: 0.299 of red
    assert images.reshape(12, 64, -1)[:, 5, 0].tolist() == expected


def test_inversion(folder):
    def inverted(**options):
        images = read_image_folder(folder, OPTIONS.model_copy(update=options)).images
        return images.reshape(12, 64, -1)[:, 0, 0].tolist()

    negatives = [255 - 20 * i for i in range(12)]
    dark = [20 * i if i < 7 else 255 - 20 * i for i in range(12)]
    for color in ("auto", "gray"):
        assert inverted(color=color, invert=True) == negatives
        assert inverted(color=color, invert="auto") == dark
    assert inverted(color="rgb", invert=True) == negatives
    assert inverted(color="rgb", invert="auto") == inverted(invert=False)
    save(folder / "3.png", (200, 0, 0))
    assert inverted(invert="auto")[11] == 220


def test_inversion_is_said_and_grounds_between_are_warned_about(folder, caplog):
    caplog.set_level(logging.INFO)
    read_image_folder(folder, OPTIONS.model_copy(update={"invert": "auto"}))
    assert "inverted for their bright ground (data.invert): 5 pictures" in caplog.text
    assert "some were not: 2 pictures; set data.invert" in caplog.text


def test_a_second_reading_decodes_nothing(folder, cache, decoded, caplog):
    first = read_image_folder(folder, OPTIONS, cache)
    assert len(decoded) == 12
    caplog.set_level(logging.INFO)
    again = read_image_folder(folder, OPTIONS, PictureCache(cache.array_path))
    assert len(decoded) == 12
    assert "no picture is new or changed" in caplog.text
    assert values(first) == values(again)
    assert again.paths == first.paths
    assert isinstance(again.images, np.memmap)
    assert not again.images.flags.writeable


@pytest.mark.parametrize("invert", [True, False, "auto"])
@pytest.mark.parametrize("color", ["auto", "gray", "rgb"])
def test_only_what_is_new_is_decoded(folder, cache, decoded, color, invert):
    options = PictureOptions(image_shape=(8, 8), color=color, invert=invert)
    read_image_folder(folder, options, cache)
    decoded.clear()
    save(folder / "5.png", 200)
    save(folder / "new" / "5a.png", 210)
    (folder / "7.png").unlink()
    updated = read_image_folder(folder, options, cache)
    assert sorted(decoded) == ["5.png", "5a.png"]
    anew = read_image_folder(folder, options)
    np.testing.assert_array_equal(updated.images, anew.images)
    assert updated.paths == anew.paths
    # A colored picture changes what `auto` means for all others.
    decoded.clear()
    save(folder / "new" / "red.png", (200, 0, 0))
    updated = read_image_folder(folder, options, cache)
    assert decoded == ["red.png"]
    np.testing.assert_array_equal(updated.images, read_image_folder(folder, options).images)


def test_other_options_decode_anew(folder, cache, decoded):
    read_image_folder(folder, OPTIONS, cache)
    smaller = OPTIONS.model_copy(update={"image_shape": (4, 4)})
    assert read_image_folder(folder, smaller, cache).images.shape == (12, 4, 4)
    assert len(decoded) == 24


def test_limit_reads_only_so_many(folder, cache, decoded, monkeypatch):
    monkeypatch.setattr(image_folder, "AHEAD", 2)
    (folder / "1.png").write_bytes(b"no picture")
    first = read_image_folder(folder, OPTIONS, cache, limit=3)
    assert first.paths == ["0.png", "2.png", "3.png"]
    assert len(decoded) < 12
    more = read_image_folder(folder, OPTIONS, cache)
    assert len(more.paths) == 11
    decoded.clear()
    assert read_image_folder(folder, OPTIONS, cache, limit=3).paths == first.paths
    assert len(read_image_folder(folder, OPTIONS, cache).paths) == 11
    assert decoded == []


def test_a_limit_below_the_first_color_gives_gray(folder, cache):
    save(folder / "9.png", (200, 0, 0))
    assert read_image_folder(folder, OPTIONS, cache).images.ndim == 4
    assert read_image_folder(folder, OPTIONS, cache, limit=5).images.shape == (5, 8, 8)


def test_blocks_of_gray_are_made_in_place(folder, cache, monkeypatch):
    monkeypatch.setattr("fashion_mocluster.datasets.picture_cache.BLOCK_BYTES", 5 * 192)
    assert values(read_image_folder(folder, OPTIONS, cache)) == [20 * i for i in range(12)]
    np.testing.assert_array_equal(np.load(cache.array_path)[:, 3, 3], [20 * i for i in range(12)])


def test_an_interrupted_reading_leaves_nothing_that_is_taken_for_whole(
    folder, cache, monkeypatch, decoded
):
    def interrupted(path, *rest):
        if path.name == "8.png":
            raise KeyboardInterrupt
        return decode(path, *rest)

    decode = image_folder.decode_picture
    with monkeypatch.context() as patch:
        patch.setattr(image_folder, "decode_picture", interrupted)
        with pytest.raises(KeyboardInterrupt, match="8 decoded pictures are kept"):
            read_image_folder(folder, OPTIONS, cache)
    decoded.clear()
    again = read_image_folder(folder, OPTIONS, cache)
    assert values(again) == [20 * i for i in range(12)]
    assert sorted(decoded) == ["10.png", "11.png", "8.png", "9.png"]


def test_an_interrupted_update_keeps_what_was_there(folder, cache, monkeypatch, decoded):
    read_image_folder(folder, OPTIONS, cache)
    save(folder / "6.png", 7)

    def interrupted(path, *rest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(image_folder, "decode_picture", interrupted)
        with pytest.raises(KeyboardInterrupt):
            read_image_folder(folder, OPTIONS, cache)
    decoded.clear()
    assert values(read_image_folder(folder, OPTIONS, cache))[5:8] == [100, 7, 140]
    assert decoded == ["6.png"]


def test_a_killed_process_leaves_no_cache_that_is_taken_for_whole(folder, cache):
    """What it leaves before the array is renamed, and between that and the table."""
    read_image_folder(folder, OPTIONS, cache)
    cache.array_path.with_name(".pictures.partial.npy").write_bytes(
        cache.array_path.read_bytes()[:700]
    )
    cache.array_path.with_suffix(".json").unlink()
    np.save(cache.array_path, np.zeros((12, 8, 8), np.uint8))
    assert values(read_image_folder(folder, OPTIONS, cache)) == [20 * i for i in range(12)]


@pytest.mark.parametrize("size", [0, 100, 300])
def test_an_array_that_was_cut_off_is_made_anew(folder, cache, size):
    read_image_folder(folder, OPTIONS, cache)
    os.truncate(cache.array_path, size)
    assert values(read_image_folder(folder, OPTIONS, cache)) == [20 * i for i in range(12)]


def test_two_processes_take_turns(folder, cache, caplog):
    caplog.set_level(logging.INFO)
    lock = FileLock(cache.array_path.with_suffix(".lock"))
    cache.array_path.parent.mkdir()
    with lock, ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_image_folder, folder, OPTIONS, cache)
        while "waiting for it" not in caplog.text:
            assert not reading.done()
        lock.release()
        assert len(reading.result().paths) == 12


@pytest.mark.parametrize("damage", ["array", "table", "shorter", "foreign"])
def test_a_damaged_cache_is_made_anew(folder, cache, decoded, damage):
    read_image_folder(folder, OPTIONS, cache)
    table = cache.array_path.with_suffix(".json")
    content = json.loads(table.read_text())
    if damage == "array":
        cache.array_path.write_bytes(cache.array_path.read_bytes()[:-100])
    elif damage == "table":
        table.write_text(table.read_text()[:-30])
    elif damage == "shorter":
        table.write_text(json.dumps({**content, "rows": content["rows"] + content["rows"]}))
    else:
        table.write_text('["something else"]')
    assert values(read_image_folder(folder, OPTIONS, cache)) == [20 * i for i in range(12)]
    assert len(decoded) == 24


def test_broken_pictures_are_listed_and_not_tried_again(folder, cache, decoded):
    (folder / "3.png").write_bytes(b"no picture")
    (folder / "4.png").write_bytes((folder / "5.png").read_bytes()[:45])
    (folder / "5.png").write_bytes(b"")
    (folder / "note.txt").write_text("x")
    for _ in range(2):
        pictures = read_image_folder(folder, OPTIONS, cache)
        assert len(pictures.paths) == 9
        reasons = {s.path: s.reason.partition(" (")[0] for s in pictures.skipped}
        assert list(reasons) == ["3.png", "4.png", "5.png", "note.txt"]
        assert reasons["3.png"] == "no picture, or of an unknown format"
        assert (reasons["4.png"], reasons["5.png"]) == ("damaged", "empty")
    assert len(decoded) == 11
    save(folder / "3.png", 60)
    assert len(read_image_folder(folder, OPTIONS, cache).paths) == 10


def test_refusing_names_all_at_once_and_keeps_what_was_decoded(folder, cache, decoded):
    for i in (3, 4):
        (folder / f"{i}.png").write_bytes(b"no picture")
    (folder / "note.txt").write_text("x")
    refuse = OPTIONS.model_copy(update={"unreadable": "refuse"})
    with pytest.raises(
        DataFileError, match=r"2 pictures cannot be read(?s:.*)3.png: .*\n.*4.png: "
    ):
        read_image_folder(folder, refuse, cache)
    for i in (3, 4):
        (folder / f"{i}.png").unlink()
    decoded.clear()
    assert len(read_image_folder(folder, refuse, cache).paths) == 10
    assert decoded == []


def test_too_many_unreadable_pictures_are_refused(folder):
    for i in range(7):
        (folder / f"{i}.png").write_bytes(b"no picture")
    with pytest.raises(DataFileError, match=r"7 of 12 pictures cannot be read \(0.png: no picture"):
        read_image_folder(folder, OPTIONS)
    assert (
        len(
            read_image_folder(
                folder, OPTIONS.model_copy(update={"max_unreadable_share": 0.6})
            ).paths
        )
        == 5
    )


def test_a_folder_of_which_nothing_can_be_read_says_what_is_there(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.pdf", "d.pdf"):
        (tmp_path / name).write_text("x")
    with pytest.raises(
        DataFileError, match=r"no picture here.*2 of a kind that is not read \(.pdf\), 2 no picture"
    ):
        read_image_folder(tmp_path, OPTIONS)


def test_a_missing_folder_names_the_parameter(tmp_path):
    with pytest.raises(DataFileError, match="no such folder; check data.path"):
        read_image_folder(tmp_path / "absent", OPTIONS)


def test_what_was_read_and_skipped_is_said_in_one_line(folder, caplog):
    caplog.set_level(logging.INFO)
    for name in ("a.txt", "b.txt", "c.jpg"):
        (folder / name).write_text("" if name == "c.jpg" else "x")
    read_image_folder(folder, OPTIONS)
    listed = "2 of a kind that is not read (.txt), 1 empty"
    assert f"12 pictures, gray; skipped, as a table in 08_reporting lists: {listed}" in caplog.text


def test_progress_says_rate_and_time_left(folder, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0)
    (folder / "0.png").write_text("broken")
    read_image_folder(folder, OPTIONS, limit=11)
    lines = [line for line in caplog.messages if line.endswith(" left")]
    assert len(lines) == 11
    assert f"{folder}: 11 of 11 images" in lines[-1]


def test_stored_pictures_are_those_of_the_last_reading(folder, cache, decoded):
    read_image_folder(folder, OPTIONS, cache)
    save(folder / "a.png", 1)
    assert len(stored_pictures(folder, OPTIONS, cache, None).paths) == 12
    assert len(stored_pictures(folder, OPTIONS, cache, 5).paths) == 5
    assert len(stored_pictures(folder, OPTIONS, None, None).paths) == 13


def test_one_picture(folder):
    pictures = read_image_folder(folder / "3.png", OPTIONS)
    assert (pictures.paths, values(pictures)) == (["3.png"], [60])


@pytest.mark.filterwarnings("error")
def test_pillows_warnings_are_kept_from_the_log(folder, monkeypatch):
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", 40
    )  # a warning from 40 pixels on, an error from 80
    assert len(read_image_folder(folder, OPTIONS).paths) == 12
