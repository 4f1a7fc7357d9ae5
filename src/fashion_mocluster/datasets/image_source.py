"""The images of a run, and separately their labels, from whatever holds them."""

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError

from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import ImageFileError, read_image_csv
from fashion_mocluster.datasets.image_folder import list_pictures, read_image_folder

FORMATS = ("auto", "csv", "idx", "folder", "torchvision")
SPLITS = ("train", "test", "all")


class _ImageSource(AbstractDataset[None, Any]):
    """Images with or without labels.

    Args:
        filepath: A CSV file, a folder of IDX files, a folder of pictures, or the folder into which
            torchvision downloads; None until one is named, which loading asks for.
        format: ``csv``, ``idx``, ``folder``, ``torchvision``; ``auto`` looks at ``filepath``.
        split: ``train``, ``test`` or ``all``, for IDX files and torchvision.
        image_shape: Height and width; needed for oblong images in CSV, the size pictures are
            brought to (28 x 28 if not given).
        limit: Only the first so many images.
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        format: str = "auto",
        split: str = "test",
        image_shape: list[int] | None = None,
        limit: int | None = None,
        metadata: dict | None = None,
    ):
        for name, value, choice in (("format", format, FORMATS), ("split", split, SPLITS)):
            if value not in choice:
                raise DatasetError(
                    f"data.{name} is {value!r}; it must be one of {', '.join(choice)}"
                )
        self._path = Path(filepath) if filepath else None
        self._format, self._split = format, split
        self._image_shape = tuple(image_shape) if image_shape else None
        self._limit = limit
        self.metadata = metadata

    def _read(self) -> tuple[np.ndarray, np.ndarray | None]:
        if self._path is None:
            raise DatasetError(
                "which images? name a CSV file, a folder of pictures or one of IDX files: "
                "--params=predict.path=..."
            )
        try:
            images, labels = self._read_as(self._detected_format())
            return images[: self._limit], None if labels is None else labels[: self._limit]
        except ImageFileError as error:
            # Without a cause of its own the message stands alone, not under a second traceback.
            raise DatasetError(str(error)) from None

    def _detected_format(self) -> str:
        if self._format != "auto":
            return self._format
        if not self._path.is_dir():
            return "csv"
        return "folder" if list_pictures(self._path) else "idx"

    def _read_as(self, kind: str) -> tuple[np.ndarray, np.ndarray | None]:
        if kind == "csv":
            return read_image_csv(self._path, self._image_shape)
        if kind == "folder":
            return read_image_folder(self._path, self._image_shape or (28, 28)), None
        if kind == "torchvision":
            return read_idx_folder(self._download(), self._split)
        return read_idx_folder(self._path, self._split)

    def _download(self) -> Path:
        """Torchvision checks what it downloads and skips what is there; returns the IDX folder."""
        from torchvision.datasets import FashionMNIST

        try:
            FashionMNIST(str(self._path), download=True)
        except (RuntimeError, OSError) as error:
            raise ImageFileError(
                f"{self._path}: torchvision could not download Fashion-MNIST ({error}); fetch the "
                "IDX files by hand and set data.format to idx"
            ) from None
        return self._path / "FashionMNIST" / "raw"

    def save(self, data: None) -> None:
        """Sources are never written."""
        raise DatasetError(f"{self._path} is a source and is never written")

    def _exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "format": self._format, "split": self._split}


class ImagesDataset(_ImageSource):
    """Images alone, uint8 (N, H, W). The whole file is validated, its labels are dropped."""

    def load(self) -> np.ndarray:
        """uint8 (N, H, W)."""
        return self._read()[0]


class LabelsDataset(_ImageSource):
    """Labels alone, int64 (N,), or None where the source has none."""

    def load(self) -> np.ndarray | None:
        """int64 (N,) or None."""
        return self._read()[1]
