"""The images of a run, and separately their labels and names, from whatever holds them."""

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from filelock import FileLock

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset
from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.datasets.image_folder import Pictures, read_image_folder, stored_pictures
from fashion_mocluster.datasets.picture_cache import PictureCache
from fashion_mocluster.datasets.picture_files import HEIF_SUFFIXES, SUFFIXES, holds_pictures
from fashion_mocluster.datasets.picture_options import PictureOptions
from fashion_mocluster.wording import counted

Format = Literal["auto", "csv", "idx", "folder", "torchvision"]
Split = Literal["train", "test", "all"]


@dataclass(frozen=True)
class Labels:
    """Labels int64 (N,), and the names of 0, 1, ...; None where there are none."""

    numbers: np.ndarray | None
    names: list[str] | None = None


# Labels by the state of the files that they were read from: many nodes load them.
_labels: dict[tuple, Labels] = {}


class _ImageSource(FileDataset):
    """Images with or without labels.

    Args:
        filepath: A CSV file, a folder of IDX files, a picture, a folder of pictures, or the folder into
            which torchvision downloads; ``~`` is the home folder. None until one is named; loading
            then fails.
        format: ``csv``, ``idx``, ``folder`` (pictures), ``torchvision``; ``auto`` looks at
            ``filepath``.
        split: ``train``, ``test`` or ``all``, for IDX files and torchvision.
        image_shape: Height and width in pixels: needed for images in CSV that are not square, the
            size that pictures are fitted into.
        limit: Only the first so many images.
        labels: ``folders`` takes the first folder in the path of a picture for its label.
        class_names: Names of labels 0, 1, ... where the labels themselves are numbers.
        cache: Where decoded pictures are kept, a ``.npy`` file; None keeps them in memory.
        same_as: A ``.npy`` file of images; if it exists, pictures get its size and colors.
        pictures: Other fields of :class:`PictureOptions`.

    Raises:
        DataFileError: On loading, if something is wrong with the files.
    """

    def __init__(
        self,
        *,
        filepath: str | None,
        format: Format = "auto",
        split: Split = "test",
        image_shape: list[int] | None = None,
        limit: int | None = None,
        labels: Literal["folders"] | None = None,
        class_names: list[str] | None = None,
        cache: str | None = None,
        same_as: str | None = None,
        metadata: dict | None = None,
        **pictures: Any,
    ):
        self._path = Path(filepath).expanduser() if filepath else None
        self._format, self._split = format, split
        self._image_shape = tuple(image_shape) if image_shape else None
        self._limit, self._label_source, self._class_names = limit, labels, class_names
        self._cache = PictureCache(Path(cache)) if cache else None
        self._same_as = Path(same_as) if same_as else None
        self._options = PictureOptions(image_shape=self._image_shape, **pictures)
        self.metadata = metadata

    def _read(self, kind: str) -> np.ndarray:
        """All images of a source other than pictures; their labels are remembered."""
        names = None
        if kind == "csv":
            images, numbers, names = read_image_csv(self._path, self._image_shape)
        else:
            folder = self._download() if kind == "torchvision" else self._path
            images, numbers = read_idx_folder(folder, self._split)
        _labels[self._state(kind)] = Labels(numbers, names)
        return images

    def _read_labels(self, kind: str) -> Labels:
        """Labels of all images; files that this process has read already are not read again."""
        if kind == "folder":
            if self._label_source is None:
                return Labels(None)
            return _folder_labels(self._stored_pictures().paths, self._path)
        if self._state(kind) not in _labels:
            self._read(kind)
        return _labels[self._state(kind)]

    def _stored_pictures(self) -> Pictures:
        return stored_pictures(self._path, self._picture_options(), self._cache, self._limit)

    def _picture_options(self) -> PictureOptions:
        """How pictures are read, which may depend on images that are there already."""
        if self._same_as is None or not self._same_as.exists():
            return self._options
        try:
            known = np.load(self._same_as, mmap_mode="r", allow_pickle=False)
        except (EOFError, OSError, ValueError) as error:
            raise DataFileError(
                f"{self._same_as}: the images of the earlier run cannot be read ({error}); run "
                "data_processing again"
            ) from None
        same = {"color": "rgb" if known.ndim == 4 else "gray"}
        if self._image_shape is None:
            same["image_shape"] = known.shape[1:3]
        return self._options.model_copy(update=same)

    def _state(self, kind: str) -> tuple:
        """Changes with the files, and with all options that labels depend on."""
        files = [self._path] if self._path.is_file() else sorted(self._path.rglob("*-ubyte*"))
        stats = [(file, file.stat()) for file in files if file.is_file()]
        stamps = tuple((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in stats)
        return kind, self._split, self._image_shape, str(self._path), stamps

    def check_path(self) -> None:
        """Refuse a path with nothing to read, before any work."""
        if self._kind() != "torchvision" and not self._path.exists():
            raise DataFileError(
                f"{self._path}: no such file or folder; check data.path, or predict.path if it is new"
            )

    def _kind(self) -> str:
        """The format; a folder in which there is nothing to read is refused, and so is no path at all."""
        if self._path is None:
            raise DataFileError(
                "no path is set: pass --params=data.path=..., for new images --params=predict.path=..."
            )
        if self._format != "auto":
            return self._format
        if self._path.exists() and holds_pictures(self._path):
            return "folder"
        if not self._path.is_dir():
            return "csv"
        if not any(self._path.rglob("*-ubyte*")):
            kinds = ", ".join(sorted(SUFFIXES | HEIF_SUFFIXES))
            raise DataFileError(
                f"{self._path}: found neither pictures ({kinds}) nor IDX files; set data.path to a "
                "folder that holds some, or to a CSV file"
            )
        return "idx"

    def _download(self) -> Path:
        """Torchvision checks what it downloads and skips what is there; returns the IDX folder.

        It takes a file that another run is still writing for whole, so that one has to wait.
        """
        from torchvision.datasets import FashionMNIST

        try:
            self._path.mkdir(parents=True, exist_ok=True)
            # Beside the folder, whose files tell its images from others where they are read as IDX.
            lock = self._path.with_name(f".{self._path.name}.lock")
            with FileLock(lock) if os.access(lock.parent, os.W_OK) else nullcontext():
                FashionMNIST(str(self._path), download=True)
        except (RuntimeError, OSError) as error:
            raise DataFileError(
                f"{self._path}: torchvision could not download Fashion-MNIST ({error}); fetch the "
                "IDX files by hand and set data.format to idx"
            ) from None
        return self._path / "FashionMNIST" / "raw"

    def _exists(self) -> bool:
        return self._path is not None and self._path.exists()


class ImagesDataset(_ImageSource):
    """Images alone; the whole file is checked, labels included."""

    def load(self) -> np.ndarray:
        """uint8 (N, H, W), or (N, H, W, 3) in color; may be mapped from a file."""
        kind = self._kind()
        if kind == "folder":
            options = self._picture_options()
            return read_image_folder(self._path, options, self._cache, self._limit).images
        return self._read(kind)[: self._limit]


class LabelsDataset(_ImageSource):
    """Labels alone."""

    def load(self) -> np.ndarray | None:
        """int64 (N,), or None where the files have none."""
        numbers = self._read_labels(self._kind()).numbers
        return None if numbers is None else numbers[: self._limit].copy()


class ClassNamesDataset(_ImageSource):
    """What labels 0, 1, ... are called: by the files if they have names, else as ``class_names`` says."""

    def load(self) -> list[str] | None:
        """The names, or None where there are none."""
        return self._read_labels(self._kind()).names or self._class_names


class ImagePathsDataset(_ImageSource):
    """Where each image is."""

    def load(self) -> pd.DataFrame | None:
        """The column ``path``, relative to the folder; None where images have no files of their own."""
        if self._kind() != "folder":
            return None
        return pd.DataFrame({"path": self._stored_pictures().paths}, dtype=object)


class SkippedPicturesDataset(_ImageSource):
    """What of a folder of pictures was not read."""

    def load(self) -> pd.DataFrame:
        """The columns ``path`` and ``reason``; no lines for other sources."""
        skipped = self._stored_pictures().skipped if self._kind() == "folder" else []
        return pd.DataFrame(
            [(s.path, s.reason) for s in skipped], columns=["path", "reason"], dtype=object
        )


def _folder_labels(paths: list[str], root: Path) -> Labels:
    """The first folder of each path, which has to be there, as its label, numbered in their order."""
    homeless = [path for path in paths if "/" not in path]
    if homeless:
        raise DataFileError(
            f"{root}: data.labels is folders, but it holds {counted(len(homeless), 'picture')} in no "
            f"folder, such as {homeless[0]}; move what is there into one, or set data.labels to null"
        )
    folders = [path.partition("/")[0] for path in paths]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(folders))}
    return Labels(np.array([numbers[folder] for folder in folders], np.int64), list(numbers))
