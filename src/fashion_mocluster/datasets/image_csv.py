"""Images as lines of a CSV file, in the layouts in which MNIST and Fashion-MNIST are found.

One image a line, its pixels row by row: whole numbers from 0 to 255, or fractions from 0 to 1, which
are multiplied by 255. ``csv_layout`` says which columns there may be. Anything else is refused with its
file, line and column.
"""

import gzip
import io
import itertools
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fashion_mocluster.datasets.csv_layout import NUMBER, Layout, split_line
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

CHUNK_ROWS = 5000


def read_image_csv(
    path: Path, image_shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray | None, list[str] | None]:
    """Images and labels of a CSV file, gzipped or not, square where no shape (height, width) is given.

    Returns:
        uint8 (N, H, W); int64 (N,), or None where there is no label; and the names of labels that are
        text and were numbered in sorted order, else None.

    Raises:
        DataFileError: Something is wrong with the file.
    """
    pixels, labels, fractions = bytearray(), [], None
    with _open(path) as file:
        layout = Layout.of(path, file.readline(), image_shape)
        if not layout.header_lines:
            file.seek(0)
        first_line = 1 + layout.header_lines
        while lines := list(itertools.islice(file, CHUNK_ROWS)):
            block, fractions = _read_lines(lines, layout, path, first_line, fractions)
            pixels += block["pixels"].tobytes()
            labels += block["label"].tolist() if "label" in block.dtype.names else []
            first_line += len(lines)
    if not pixels:
        raise DataFileError(f"{path}: no rows under the header; give a file with images")
    if fractions:
        logger.info("%s: pixels from 0 to 1 are multiplied by 255", path)
    # A bytearray grows in place, so memory peaks at little more than the array.
    images = np.frombuffer(pixels, np.uint8).reshape(-1, *layout.image_shape)
    if images.max() == 1:
        logger.warning("%s: all pixels are 0 or 1; if 1 is white, multiply them by 255", path)
    return images, *(_class_numbers(labels, path, layout) if labels else (None, None))


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOBase]:
    """The file as text, without byte-order mark."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield file
    except FileNotFoundError:
        raise DataFileError(
            f"{path}: no such file; check data.path, or predict.path if these are new images"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(
            f"{path}: truncated or damaged gzip file ({error}); fetch it again"
        ) from error
    except UnicodeDecodeError as error:
        raise DataFileError(
            f"{path}: not a text file ({error}); give a CSV file, in UTF-8 and not in UTF-16"
        ) from error


def _read_lines(
    lines: list[str], layout: Layout, path: Path, first_line: int, fractions: bool | None
) -> tuple[np.ndarray, bool]:
    """A structured array (len(lines),) with the fields of the layout, pixels as uint8; and whether they
    were from 0 to 1, which ``fractions`` says if it is known.

    ``np.loadtxt`` is strict and faster than ``pandas.read_csv``. Only where it refuses are the lines
    read again one by one, to say which value is wrong.
    """
    if not all(line.isascii() and line.strip() for line in lines):
        # NumPy 2.4 crashes on numbers with characters beyond U+FFFF, and skips blank lines.
        _refuse_bad_values(lines, layout, path, first_line, fractions)
    error: Exception | None = None
    for pixel_type in (np.float64,) if fractions else (np.uint8, np.float64):
        try:
            block = np.loadtxt(
                lines,
                layout.dtype(pixel_type),
                delimiter=",",
                comments=None,
                ndmin=1,
                quotechar='"',
            )
        except ValueError as reason:
            error = reason
            continue
        values = block["pixels"]
        if pixel_type is np.float64 and fractions is None:
            fractions = _in_unit_interval(values) and bool((values % 1 != 0).any())
        if fractions:
            if not _in_unit_interval(values):
                break
            values[:] = np.rint(values * 255)
        with np.errstate(invalid="ignore"):  # NaN, which differs from any number
            whole = block.astype(layout.dtype(np.uint8))
        # A quoted line break joins two lines.
        if len(block) == len(lines) and (values == whole["pixels"]).all():
            return whole, bool(fractions)
    _refuse_bad_values(lines, layout, path, first_line, fractions)
    raise DataFileError(f"{path}, line {first_line} or below: {error}")


def _in_unit_interval(values: np.ndarray) -> bool:
    """Whether all values are from 0 to 1; NaN is not."""
    return bool(((values >= 0) & (values <= 1)).all())


def _refuse_bad_values(
    lines: list[str], layout: Layout, path: Path, first_line: int, fractions: bool | None
) -> None:
    """Raise the error of the first value that cannot be read, if there is one."""
    pixels = layout.positions("pixels")
    for number, line in enumerate(lines, first_line):
        values, where = split_line(line), f"{path}, line {number}"
        if len(values) != len(layout.names):
            raise DataFileError(
                f"{where}: {counted(len(values), 'value')}, but line 1 has "
                f"{counted(len(layout.names), 'column')}"
            )
        for position, value in enumerate(values):
            if position not in pixels:
                continue
            if problem := _problem_of_fraction(value) if fractions else _problem(value):
                raise DataFileError(f"{where}, column {layout.names[position]!r}: {problem}")


def _problem_of_fraction(value: str) -> str | None:
    """What is wrong with a pixel from 0 to 1, if anything."""
    if NUMBER.fullmatch(value.strip()) and 0 <= float(value) <= 1:
        return None
    return f"{value.strip()!r} is no number from 0 to 1, as the pixels before it are"


def _problem(value: str, low: int = 0, high: int = 255) -> str | None:
    """What is wrong with a pixel or label, if anything."""
    value = value.strip()
    if value.lower() in ("", "nan"):
        return "the value is missing"
    if not NUMBER.fullmatch(value):
        return f"{value!r} is not a whole number"
    number = float(value)
    if number % 1 != 0:
        scale = "; multiply pixels from 0 to 1 by 255 and round them" if 0 < number < 1 else ""
        return f"{value!r} is not a whole number{scale}"
    return None if low <= number <= high else f"{value} is outside {low} to {high}"


def _class_numbers(
    labels: list[str], path: Path, layout: Layout
) -> tuple[np.ndarray, list[str] | None]:
    """Labels as int64 (N,); text is numbered in sorted order, and its names are returned too.

    Raises:
        DataFileError: A label is missing, is no whole number, or is text among numbers.
    """
    labels = [label.strip() for label in labels]
    if not any(NUMBER.fullmatch(label) or label.lower() in ("", "nan") for label in labels):
        names, classes = np.unique(labels, return_inverse=True)
        listed = ", ".join(f"{number} = {name}" for number, name in enumerate(names))
        logger.info("%s: labels are numbered: %s", path, listed)
        return classes, names.tolist()
    name = layout.names[layout.positions("label")[0]]
    for number, label in enumerate(labels, 1 + layout.header_lines):
        if problem := _problem(label, -(2**53), 2**53):
            raise DataFileError(f"{path}, line {number}, column {name!r}: {problem}")
    return np.array([int(float(label)) for label in labels], np.int64), None
