"""The images of a run, and separately their labels, from whatever holds them."""

from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.datasets.image_folder import SUFFIXES, list_pictures, read_image_folder

Format = Literal["auto", "csv", "idx", "folder", "torchvision"]
Split = Literal["train", "test", "all"]

# Labels by the state of the files that they were read from: many nodes load them.
_labels: dict[tuple, np.ndarray | None] = {}


class _ImageSource(AbstractDataset[None, Any]):
    """Images with or without labels.

    Args:
        filepath: A CSV file, a folder of IDX files, a folder of pictures, or the folder into which
            torchvision downloads; ``~`` is the home folder. None until one is named; loading then
            fails.
        format: ``csv``, ``idx``, ``folder``, ``torchvision``; ``auto`` looks at ``filepath``.
        split: ``train``, ``test`` or ``all``, for IDX files and torchvision.
        image_shape: Height and width in pixels; needed for images in CSV that are not square, the
            size pictures are resized to (28 x 28 by default).
        limit: Only the first so many images.

    Raises:
        DataFileError: ``format`` or ``split`` is unknown.
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        format: Format = "auto",
        split: Split = "test",
        image_shape: list[int] | None = None,
        limit: int | None = None,
        metadata: dict | None = None,
    ):
        for name, value, kind in (("format", format, Format), ("split", split, Split)):
            if value not in get_args(kind):
                raise DataFileError(
                    f"data.{name}: expected one of {', '.join(get_args(kind))}, got {value!r}"
                )
        self._path = Path(filepath).expanduser() if filepath else None
        self._format, self._split = format, split
        self._image_shape = tuple(image_shape) if image_shape else None
        self._limit = limit
        self.metadata = metadata

    def _read(self, kind: str) -> np.ndarray:
        """All images; their labels are remembered."""
        labels = None
        if kind == "csv":
            images, labels = read_image_csv(self._path, self._image_shape)
        elif kind == "folder":
            images = read_image_folder(self._path, self._image_shape or (28, 28))
        else:
            folder = self._download() if kind == "torchvision" else self._path
            images, labels = read_idx_folder(folder, self._split)
        _labels[self._state(kind)] = labels
        return images

    def _state(self, kind: str) -> tuple:
        """Changes with the files, and with all options that labels depend on."""
        files = [self._path] if self._path.is_file() else sorted(self._path.rglob("*-ubyte*"))
        stats = [(file, file.stat()) for file in files if file.is_file()]
        stamps = tuple((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats)
        return kind, self._split, self._image_shape, str(self._path), stamps

    def _kind(self) -> str:
        """The format.

        Raises:
            DataFileError: There is no path, or a folder in which there is nothing to read.
        """
        if self._path is None:
            raise DataFileError("predict.path is not set: pass --params=predict.path=...")
        if self._format != "auto":
            return self._format
        if not self._path.is_dir():
            return "csv"
        if list_pictures(self._path):
            return "folder"
        if not any(self._path.rglob("*-ubyte*")):
            raise DataFileError(
                f"{self._path}: found neither pictures ({', '.join(sorted(SUFFIXES))}) nor IDX "
                "files; set data.path to a folder that holds some, or to a CSV file"
            )
        return "idx"

    def _download(self) -> Path:
        """Torchvision checks what it downloads and skips what is there; returns the IDX folder."""
        from torchvision.datasets import FashionMNIST

        try:
            FashionMNIST(str(self._path), download=True)
        except (RuntimeError, OSError) as error:
            raise DataFileError(
                f"{self._path}: torchvision could not download Fashion-MNIST ({error}); fetch the "
                "IDX files by hand and set data.format to idx"
            ) from None
        return self._path / "FashionMNIST" / "raw"

    def save(self, data: None) -> None:
        """Refused: input data are never written.

        Raises:
            DataFileError: Always.
        """
        raise DataFileError(f"{self._path}: input data are never written")

    def _exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "format": self._format, "split": self._split}


class ImagesDataset(_ImageSource):
    """Images alone; the whole file is checked, labels included."""

    def load(self) -> np.ndarray:
        """uint8 (N, H, W).

        Raises:
            DataFileError: Something is wrong with the files.
        """
        return self._read(self._kind())[: self._limit]


class LabelsDataset(_ImageSource):
    """Labels alone. Files that this process has read already are not read again."""

    def load(self) -> np.ndarray | None:
        """int64 (N,), or None where the files have none.

        Raises:
            DataFileError: Something is wrong with the files.
        """
        kind = self._kind()
        if kind == "folder":
            return None
        if self._state(kind) not in _labels:
            self._read(kind)
        labels = _labels[self._state(kind)]
        return None if labels is None else labels[: self._limit].copy()


class ImagePathsDataset(_ImageSource):
    """The paths of the same images, where they are files of their own."""

    def load(self) -> pd.DataFrame | None:
        """``path`` of each image, relative to the folder, or None where one file holds them all.

        Raises:
            DataFileError: There is no path, or a folder in which there is nothing to read.
        """
        if self._kind() != "folder":
            return None
        paths = list_pictures(self._path)[: self._limit]
        return pd.DataFrame({"path": [p.relative_to(self._path).as_posix() for p in paths]})
