"""Decoded pictures on disk: an array that is mapped into memory, and a table of where it is from."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from fashion_mocluster.datasets.atomic import write_atomically, write_bytes_atomically
from fashion_mocluster.datasets.picture_decoding import invert, to_gray
from fashion_mocluster.datasets.picture_files import PictureFile, Skipped
from fashion_mocluster.datasets.picture_options import PictureOptions

# Counts changes of how pictures are decoded: what an older version decoded is decoded again.
VERSION = 1
BLOCK_BYTES = 32_000_000


class Row(NamedTuple):
    """What is known of one image of the array."""

    file: PictureFile
    ground: int
    has_color: bool


@dataclass(frozen=True)
class Table:
    """What the array holds.

    Attributes:
        settings: The folder, and the options that pixels depend on.
        rows: One for each image, in order.
        broken: Pictures that could not be decoded, with the reason.
        skipped: All that the last reading left out, broken pictures included.
    """

    settings: dict
    rows: list[Row] = field(default_factory=list)
    broken: dict[PictureFile, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)

    def is_rgb(self, count: int | None = None) -> bool:
        """Whether the first ``count`` images, or all, are in color with these settings."""
        color = self.settings["color"]
        return color == "rgb" or (color == "auto" and any(r.has_color for r in self.rows[:count]))


def settings_of(root: Path, options: PictureOptions) -> dict:
    """What a table has to be of, to be of use."""
    pixels = {"image_shape": list(options.shape), "color": options.color, "invert": options.invert}
    return {"version": VERSION, "folder": str(root.resolve()), **pixels}


class PictureCache:
    """The array, a ``.npy`` file, and the table beside it, a ``.json`` file of the same name.

    The table is removed before the array is replaced and written after it, so the table of a process
    that was killed in between never speaks of another array.
    """

    def __init__(self, array_path: Path):
        self.array_path = array_path
        self._table_path = array_path.with_suffix(".json")

    def table(self, settings: dict) -> Table:
        """The stored table, or one without rows if none is of these settings or the array is gone."""
        with suppress(OSError, EOFError, ValueError, KeyError, TypeError):
            content = json.loads(self._table_path.read_text())
            table = Table(
                content["settings"],
                [Row(PictureFile(*file), *rest) for file, *rest in content["rows"]],
                {PictureFile(*file): reason for file, reason in content["broken"]},
                [Skipped(*skipped) for skipped in content["skipped"]],
            )
            expected = len(table.rows), *settings["image_shape"], *([3] if table.is_rgb() else [])
            if table.settings == settings and self.array(len(table.rows)).shape == expected:
                return table
        return Table(settings)

    def array(self, count: int) -> np.ndarray:
        """The first images, uint8 (count, H, W) or (count, H, W, 3), mapped from the file, read-only."""
        return np.load(self.array_path, mmap_mode="r", allow_pickle=False)[:count]

    def write_table(self, table: Table) -> None:
        """Replace the table."""
        content = {
            "settings": table.settings,
            "rows": table.rows,
            "broken": list(table.broken.items()),
            "skipped": table.skipped,
        }
        # Names that are no UTF-8 are kept, as JSON escapes them.
        write_bytes_atomically(self._table_path, json.dumps(content).encode())

    def write(
        self, table: Table, options: PictureOptions, images: Iterator[np.ndarray], before: int
    ) -> bool:
        """Replace the array and remove the table, which is to be written next.

        Args:
            table: The new one, which gets its rows while ``images`` is consumed.
            images: Each uint8 (H, W), or (H, W, 3) if ``options.color`` is not gray; with ``auto`` they
                become gray at the end if none of them has colors.
            before: How many images there are of use in the old array.

        Returns:
            False if Ctrl-C stopped it; the array then has the images so far.

        Raises:
            KeyboardInterrupt: It did before there were more than in the old array, which stays.
        """
        shape = (*options.shape, *([] if options.color == "gray" else [3]))
        is_whole = True

        def write(temporary: Path) -> None:
            nonlocal is_whole
            with open(temporary, "wb+") as file:
                is_whole = _write_images(file, shape, images, table, before)
                if options.color == "auto" and not table.is_rgb():
                    _make_gray(file, table, options)
                _write_header(file, (len(table.rows), *shape[: 3 if table.is_rgb() else 2]))
            self._table_path.unlink(missing_ok=True)

        write_atomically(self.array_path, write)
        return is_whole


def _write_images(
    file: BinaryIO, shape: tuple[int, ...], images: Iterator[np.ndarray], table: Table, before: int
) -> bool:
    """Write images of this shape after a header; False if Ctrl-C stopped it after ``before`` images.

    Raises:
        KeyboardInterrupt: It did earlier.
    """
    _write_header(file, (0, *shape))
    start = file.tell()
    try:
        for image in images:
            file.write(image.tobytes())
    except KeyboardInterrupt:
        whole = (file.seek(0, os.SEEK_END) - start) // math.prod(shape)
        if whole <= before:
            raise
        del table.rows[whole:]
        file.truncate(start + whole * math.prod(shape))
        return False
    return True


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    """The header of a .npy file; NumPy makes it equally long for any number of images."""
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _make_gray(file: BinaryIO, table: Table, options: PictureOptions) -> None:
    """Turn the images (N, H, W, 3) of a .npy file into (N, H, W), in place, block by block.

    With ``invert: auto`` it is only now clear that those on a bright ground are to be inverted.
    """
    file.seek(0)
    _write_header(file, (0, *options.shape))
    start = file.tell()
    grounds = np.array([row.ground for row in table.rows], np.uint8)
    size = options.shape[0] * options.shape[1]
    step = max(1, BLOCK_BYTES // (3 * size))
    for first in range(0, len(grounds), step):
        ground = grounds[first : first + step]
        file.seek(start + 3 * size * first)
        colors = np.frombuffer(file.read(3 * size * len(ground)), np.uint8)
        gray = to_gray(colors.reshape(len(ground), *options.shape, 3))
        # A gray image ends before the color image that it is made of, so nothing unread is lost.
        file.seek(start + size * first)
        file.write((invert(gray, ground, "auto") if options.invert == "auto" else gray).tobytes())
    file.truncate(start + size * len(grounds))
