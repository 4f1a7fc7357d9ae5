"""What the columns of a CSV file of images are, as its first line shows.

The pixel columns are called ``pixel1, ...``, ``pixel0, ...``, ``1x1, 1x2, ...`` or ``0, 1, ...``; the
label is the first column, the last or missing; an unnamed index column (as ``DataFrame.to_csv`` writes)
may come before them. Without a header the label, if there is one, is the first column.
"""

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.wording import counted

LABEL_NAMES = ("label", "class", "target")
INDEX_NAMES = ("", "Unnamed: 0")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def split_line(line: str) -> list[str]:
    """The values of a line; what the csv module cannot take apart counts as one."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return [line]


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are.

    Attributes:
        names: Of all columns; their numbers where there is no header.
        fields: ``index``, ``label`` and ``pixels`` as they occur, from left to right.
    """

    names: list[str]
    fields: list[str]
    image_shape: tuple[int, int]
    header_lines: int

    @classmethod
    def of(cls, path: Path, line: str, image_shape: tuple[int, int] | None) -> "Layout":
        """The layout that the first line of a file shows.

        Raises:
            DataFileError: It is none of those that are known.
        """
        names = [name.strip() for name in split_line(line)]
        where = f"{path}, line 1"
        if not any(names):
            raise DataFileError(f"{path}: the file is empty; give a file with images")
        if len(names) == 1 and (separator := re.search("[;\t]", line)):
            found = {";": "semicolons", "\t": "tabs"}[separator[0]]
            raise DataFileError(f"{where}: columns are separated by {found}; save it with commas")
        if all(map(NUMBER.fullmatch, names)) and names != _pixel_names(names):
            return cls._without_header(where, len(names), image_shape)
        fields, pixels = ["pixels"], names
        if pixels[0] in INDEX_NAMES:
            fields, pixels = ["index", *fields], pixels[1:]
        if pixels and pixels[0].lower() in LABEL_NAMES:
            fields, pixels = [*fields[:-1], "label", "pixels"], pixels[1:]
        elif pixels and pixels[-1].lower() in LABEL_NAMES:
            fields, pixels = [*fields, "label"], pixels[:-1]
        _check_names(names, pixels, where)
        shape = image_shape or (math.isqrt(len(pixels)),) * 2
        if math.prod(shape) != len(pixels):
            raise DataFileError(
                f"{where}: {counted(len(pixels), 'pixel column')}, "
                f"but data.image_shape {list(shape)} needs {math.prod(shape)}"
                if image_shape
                else f"{where}: {counted(len(pixels), 'pixel column')}, of which no square image can be "
                "made; add what is missing or remove what is too many, or set data.image_shape to "
                "[height, width]"
            )
        return cls(names, fields, tuple(shape), 1)

    @classmethod
    def _without_header(
        cls, where: str, n_columns: int, image_shape: tuple[int, int] | None
    ) -> "Layout":
        for fields in (["pixels"], ["label", "pixels"]):
            n_pixels = n_columns - len(fields) + 1
            shape = image_shape or (math.isqrt(n_pixels),) * 2
            if math.prod(shape) == n_pixels > 0:
                return cls([str(i + 1) for i in range(n_columns)], fields, tuple(shape), 0)
        raise DataFileError(
            f"{where}: {counted(n_columns, 'column')} without a header, of which no image can be made, "
            "with or without a label in front; set data.image_shape to [height, width]"
        )

    def dtype(self, pixel_type: type) -> np.dtype:
        """Of one line."""
        pixels = ("pixels", pixel_type, (math.prod(self.image_shape),))
        return np.dtype([pixels if field == "pixels" else (field, object) for field in self.fields])

    def positions(self, field: str) -> range:
        """Of the columns of a field."""
        widths = [math.prod(self.image_shape) if f == "pixels" else 1 for f in self.fields]
        before = self.fields.index(field)
        start = sum(widths[:before])
        return range(start, start + widths[before])


def _pixel_names(names: list[str]) -> list[str]:
    """What so many pixel columns are called where the first and the last are called like these."""
    if names[0] == "1x1" and (last := re.fullmatch("[0-9]+x([1-9][0-9]*)", names[-1])):
        places = (divmod(i, int(last[1])) for i in range(len(names)))
        return [f"{row + 1}x{column + 1}" for row, column in places]
    prefix = "" if names[0] in ("0", "1") else "pixel"
    start = 0 if names[0] == f"{prefix}0" else 1
    return [f"{prefix}{i}" for i in range(start, start + len(names))]


def _check_names(names: list[str], pixels: list[str], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataFileError(f"{where}: column {repeated[0]!r} occurs twice; rename one")
    if not pixels:
        raise DataFileError(f"{where}: there are no pixel columns")
    for name, expected in zip(pixels, _pixel_names(pixels), strict=True):
        if name != expected:
            raise DataFileError(
                f"{where}, column {names.index(name) + 1}: expected {expected!r}, got {name!r}; a "
                "header is, for instance, 'label,pixel1,pixel2,...' or 'pixel1,pixel2,...'"
            )
