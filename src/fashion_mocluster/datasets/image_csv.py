"""The CSV layout of Fashion-MNIST: ``label,pixel1,...,pixelN``, one image a row.

The label column may be missing. Everything else that is not exactly this layout is refused with
the file, the row (line 1 is the header) and the column.
"""

import csv
import gzip
import io
import math
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROWS_AT_A_TIME = 5000
LABEL = "label"


class ImageFileError(ValueError):
    """A file of images that does not hold what it should."""


def read_image_csv(
    path: Path, image_shape: tuple[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Images and labels of a CSV or gzipped CSV file, read in chunks.

    Args:
        path: A ``.csv`` or ``.csv.gz`` file.
        image_shape: Height and width; None takes the square that the pixel columns make.

    Returns:
        uint8 (N, H, W) and int64 (N,), or None where there is no label column.

    Raises:
        ImageFileError: Anything wrong with the file, with its row and column.
    """
    with _open(path) as handle:
        columns = _header(handle, path)
        shape = _image_shape(columns, image_shape, path)
        pixels, labels = [], []
        for block in _blocks(handle, path, columns):
            if columns[0] == LABEL:
                labels.append(block[:, 0].copy())  # a view would keep the block
                block = block[:, 1:]
            pixels.append(block.astype(np.uint8).reshape(-1, *shape))
    if not pixels:
        raise ImageFileError(f"{path}: no rows under the header; give a file with images")
    return _joined(pixels), _joined(labels) if labels else None


def _joined(blocks: list[np.ndarray]) -> np.ndarray:
    """All blocks as one array; each is freed once copied, so that memory does not double."""
    whole = np.empty((sum(map(len, blocks)), *blocks[0].shape[1:]), blocks[0].dtype)
    blocks.reverse()
    start = 0
    while blocks:
        block = blocks.pop()
        whole[start : start + len(block)] = block
        start += len(block)
    return whole


@contextmanager
def _open(path: Path) -> Iterator[io.TextIOBase]:
    """The file as text, without byte-order mark; a broken gzip becomes an ImageFileError."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as handle:
            yield handle
    except FileNotFoundError as error:
        raise ImageFileError(
            f"{path}: no such file; name yours with --params=data.path=..."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImageFileError(
            f"{path}: the gzip file is truncated or damaged ({error}); fetch it again"
        ) from error
    except UnicodeDecodeError as error:
        raise ImageFileError(f"{path}: not a text file ({error}); give a CSV file") from error


def _header(handle: io.TextIOBase, path: Path) -> list[str]:
    line = handle.readline().rstrip("\r\n")
    if not line:
        raise ImageFileError(f"{path}: the file is empty; give a file with a header and images")
    if "," not in line and ";" in line:
        raise ImageFileError(
            f"{path}, line 1: columns are separated by semicolons; save it with commas"
        )
    columns = [name.strip().strip('"') for name in line.split(",")]
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ImageFileError(f"{path}, line 1: column {repeated[0]!r} occurs twice; rename one")
    names = columns[1:] if columns[0] == LABEL else columns
    expected = [f"pixel{i}" for i in range(1, len(names) + 1)]
    for position, (name, wanted) in enumerate(zip(names, expected, strict=True)):
        if name != wanted:
            where = position + 1 + len(columns) - len(names)
            raise ImageFileError(
                f"{path}, line 1, column {where}: expected {wanted!r}, found {name!r}; the "
                f"header must be '{LABEL},pixel1,pixel2,...' or 'pixel1,pixel2,...'"
            )
    if not names:
        raise ImageFileError(f"{path}, line 1: there are no pixel columns")
    return columns


def _image_shape(columns: list[str], wanted: tuple[int, int] | None, path: Path) -> tuple[int, int]:
    pixels = len(columns) - (columns[0] == LABEL)
    if wanted is None:
        side = math.isqrt(pixels)
        wanted = (side, side)
        if side * side != pixels:
            raise ImageFileError(
                f"{path}, line 1: {pixels} pixel columns make no square image, a column is missing "
                "or too many; for oblong images set data.image_shape to [height, width]"
            )
    if math.prod(wanted) != pixels:
        raise ImageFileError(
            f"{path}, line 1: {pixels} pixel columns, but data.image_shape {list(wanted)} needs "
            f"{math.prod(wanted)}"
        )
    return tuple(wanted)


def _blocks(handle: io.TextIOBase, path: Path, columns: list[str]) -> Iterator[np.ndarray]:
    """int64 (rows, columns), values checked. ``np.loadtxt`` is strict and fast; only where it
    refuses are the rows read again one by one, to say which value is wrong.
    """
    first_line = 2
    while True:
        lines = []
        for line in handle:
            lines.append(line)
            if len(lines) == ROWS_AT_A_TIME:
                break
        if not lines:
            return
        try:
            # loadtxt skips blank lines, and NumPy 2.4 crashes on characters beyond U+FFFF.
            if not all(line.isascii() and line.strip() for line in lines):
                raise ValueError("blank or not plain text")
            block = np.loadtxt(
                lines, np.int64, delimiter=",", comments=None, ndmin=2, quotechar='"'
            )
            pixels = block[:, 1:] if columns[0] == LABEL else block
            good = block.shape[1] == len(columns) and pixels.min() >= 0 and pixels.max() <= 255
        except ValueError:
            good = False
        if not good:
            _explain(lines, first_line, path, columns)
        yield block
        first_line += len(lines)


def _explain(lines: list[str], first_line: int, path: Path, columns: list[str]) -> None:
    for number, values in enumerate(_fields(lines), first_line):
        where = f"{path}, line {number}"
        if len(values) != len(columns):
            raise ImageFileError(
                f"{where}: {len(values)} values, but the header names {len(columns)} columns"
            )
        for name, value in zip(columns, values, strict=True):
            text = value.strip()
            if text == "" or text.lower() == "nan":
                raise ImageFileError(f"{where}, column {name!r}: the value is missing")
            if not re.fullmatch(r"[+-]?[0-9]+", text):
                raise ImageFileError(f"{where}, column {name!r}: {value!r} is not a whole number")
            if name != LABEL and not 0 <= int(text) <= 255:
                raise ImageFileError(f"{where}, column {name!r}: {value} is outside 0 to 255")
            if abs(int(text)) >= 2**63:
                raise ImageFileError(f"{where}, column {name!r}: {value} is too large for a label")
    raise ImageFileError(f"{path}, lines {first_line} to {first_line + len(lines) - 1}: unreadable")


def _fields(lines: list[str]) -> Iterator[list[str]]:
    """The values of each line; what the csv module cannot take apart counts as one value."""
    for line in lines:
        try:
            yield next(csv.reader([line]), [])
        except csv.Error:
            yield [line]
