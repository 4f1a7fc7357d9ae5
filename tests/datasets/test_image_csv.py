import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_mocluster.datasets import image_csv
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.image_csv import read_image_csv
from tests.stress.bad_inputs import BAD_CSV, GOOD, HEADER


@pytest.fixture
def write(tmp_path):
    def _write(content, name="images.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def check_good(images, labels, names=None):
    np.testing.assert_array_equal(images, [[[0, 1], [2, 255]], [[9, 8], [7, 6]]])
    np.testing.assert_array_equal(labels, [3, 0])
    assert images.dtype == np.uint8


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        "\ufeff" + GOOD,
        GOOD.replace(",", ", "),
        GOOD.replace("label", '"label"').replace("255", '"255"'),
    ],
    ids=["plain", "no-final-newline", "windows", "old-mac", "bom", "spaces", "quotes"],
)
def test_good_files(write, content):
    check_good(*read_image_csv(write(content)))


def test_gzip(write):
    check_good(*read_image_csv(write(gzip.compress(GOOD.encode()), "images.csv.gz")))


def test_without_labels(write):
    images, labels, _ = read_image_csv(write("pixel1,pixel2,pixel3,pixel4\n1,2,3,4\n"))
    assert labels is None
    np.testing.assert_array_equal(images, [[[1, 2], [3, 4]]])


def test_images_that_are_not_square_need_their_shape(write):
    path = write("pixel1,pixel2\n1,2\n")
    assert read_image_csv(path, (1, 2))[0].shape == (1, 1, 2)
    with pytest.raises(DataFileError, match="2 pixel columns, of which no square.*image_shape"):
        read_image_csv(path)
    with pytest.raises(DataFileError, match=r"image_shape \[3, 3\] needs 9"):
        read_image_csv(path, (3, 3))


@pytest.mark.parametrize(("content", "message"), BAD_CSV)
def test_bad_files_are_refused_with_place_and_reason(write, content, message):
    path = write(content)
    with pytest.raises(DataFileError, match=message) as error:
        read_image_csv(path)
    assert str(path) in str(error.value)


def test_every_line_too_long_or_too_short_is_refused(write):
    """Readers that take the first column for an index, or pad with NaN, miss these."""
    for change in (",7", ""):
        rows = "".join(f"1,2,3,4{',5' * (change != '')}{change}\n" for _ in range(4))
        with pytest.raises(DataFileError, match="line 2"):
            read_image_csv(write(f"{HEADER}\n{rows}"))


def test_damaged_gzip_and_plain_text_with_its_name(write):
    content = bytearray(gzip.compress(GOOD.encode() * 50))
    content[25] ^= 0xFF
    for bad in (bytes(content), GOOD.encode()):
        with pytest.raises(DataFileError, match="damaged|not a text"):
            read_image_csv(write(bad, "images.csv.gz"))


def test_missing_file_names_the_parameter(tmp_path):
    with pytest.raises(DataFileError, match="no such file; check data.path"):
        read_image_csv(tmp_path / "absent.csv")


def test_chunks_join_and_errors_count_lines_across_them(write, monkeypatch):
    monkeypatch.setattr(image_csv, "CHUNK_ROWS", 2)
    rows = [f"{i},{i},0,0,{i}\n" for i in range(7)]
    images, labels, _ = read_image_csv(write(HEADER + "\n" + "".join(rows)))
    np.testing.assert_array_equal(images[:, 1, 1], range(7))
    np.testing.assert_array_equal(labels, range(7))
    rows[5] = "5,5,x,0,5\n"
    with pytest.raises(DataFileError, match="line 7, column 'pixel2': 'x'"):
        read_image_csv(write(HEADER + "\n" + "".join(rows)))


def test_memory_peaks_at_little_more_than_the_images(write, monkeypatch):
    monkeypatch.setattr(image_csv, "CHUNK_ROWS", 100)
    line = ",".join(["7"] * 900) + "\n"
    path = write(line * 5000)
    tracemalloc.start()
    images, *_ = read_image_csv(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert images.nbytes == 4_500_000
    assert peak < 1.5 * images.nbytes


PIXELS = "0,1,2,255\n", "9,8,7,6\n"
LAYOUTS = {
    "pixel0": GOOD.replace(HEADER, "label,pixel0,pixel1,pixel2,pixel3"),
    "1x1": GOOD.replace(HEADER, "label,1x1,1x2,2x1,2x2"),
    "numbers": GOOD.replace(HEADER, "label,0,1,2,3"),
    "no header": GOOD.replace(HEADER + "\n", ""),
    "index column": f",{HEADER}\n0,3,{PIXELS[0]}1,0,{PIXELS[1]}",
    "label last": "pixel1,pixel2,pixel3,pixel4,class\n0,1,2,255,3\n9,8,7,6,0\n",
    "index column, label last": ",0,1,2,3,target\n0,0,1,2,255,3\n1,9,8,7,6,0\n",
    "whole floats": GOOD.replace("255", "255.0").replace("\n3,", "\n3.0,").replace("9,", "9.,"),
    "exponents": GOOD.replace("255", "2.55e+02"),
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_that_others_write(write, content):
    check_good(*read_image_csv(write(content)))


@pytest.mark.parametrize(
    ("content", "shape"),
    [("1,2,3,4\n", None), ("5,0,1,2,3,4,5\n", (2, 3)), ("0,1,2,9,4,5\n", (2, 3))],
)
def test_the_first_column_without_a_header_is_a_label_if_the_pixels_need_it(write, content, shape):
    images, labels, _ = read_image_csv(write(content.replace("1,2,3,4", "9,9,9,9")), shape)
    assert (labels is not None) == content.startswith("5")
    assert images.shape == (1, *(shape or (2, 2)))


def test_labels_that_are_text_are_numbered_in_sorted_order(write, caplog):
    caplog.set_level("INFO")
    rows = [f"{name},0,0,0,{i}\n" for i, name in enumerate(['"b, b"', "Ärmel 👗", "a", '"b, b"'])]
    path = write(f"{HEADER}\n{''.join(rows)}")
    images, labels, names = read_image_csv(path)
    assert names == ["a", "b, b", "Ärmel 👗"]
    np.testing.assert_array_equal(labels, [1, 2, 0, 1])
    np.testing.assert_array_equal(images[:, 1, 1], range(4))
    assert "0 = a, 1 = b, b, 2 = Ärmel 👗" in caplog.text


def test_pixels_from_0_to_1_are_scaled_and_that_is_said(write, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(image_csv, "CHUNK_ROWS", 1)
    fractions = f"{HEADER}\n3,0,0.003921569,7.843137e-03,1\n0,1,0,0,1\n2,0.5,0.2,0,.1\n"
    images, labels, _ = read_image_csv(write(fractions))
    expected = [[[0, 1], [2, 255]], [[255, 0], [0, 255]], [[128, 51], [0, 26]]]
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, [3, 0, 2])
    assert "from 0 to 1 are multiplied by 255" in caplog.text
    with pytest.raises(DataFileError, match=r"line 3, column 'pixel1': '9' is no number from 0 to"):
        read_image_csv(write(fractions.replace("0,1,0", "0,9,0")))


def test_fractions_among_larger_pixels_are_refused_with_a_hint(write):
    with pytest.raises(DataFileError, match=r"column 'pixel2': '0.0039'.*by 255"):
        read_image_csv(write(GOOD.replace("9,8", "9,0.0039")))


def test_images_of_zeros_and_ones_are_warned_about(write, caplog):
    read_image_csv(write(f"{HEADER}\n3,0,1,0,1\n"))
    assert "all pixels are 0 or 1" in caplog.text


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 6), st.booleans(), st.integers(0, 2**32 - 1))
def test_what_pandas_writes_is_read_back(tmp_path_factory, side, rows, labeled, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (rows, side, side), dtype=np.uint8)
    labels = rng.integers(-5, 100, rows)
    table = pd.DataFrame(
        images.reshape(rows, -1), columns=[f"pixel{i + 1}" for i in range(side * side)]
    )
    if labeled:
        table.insert(0, "label", labels)
    path = tmp_path_factory.mktemp("csv") / "images.csv"
    table.to_csv(path, index=False)
    read, truth, _ = read_image_csv(path)
    np.testing.assert_array_equal(read, images)
    if labeled:
        np.testing.assert_array_equal(truth, labels)
    else:
        assert truth is None


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_fuzz_nothing_but_images_or_a_clear_error_comes_out(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "images.csv"
    path.write_bytes(HEADER.encode() + b"\n" + content)
    try:
        images, labels, _ = read_image_csv(path)
    except DataFileError as error:
        assert str(path) in str(error)
    else:
        assert images.dtype == np.uint8
        assert len(images) == len(labels) > 0
