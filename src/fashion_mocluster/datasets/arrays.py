"""NumPy arrays as ``.npy`` files."""

import os
from pathlib import Path

import numpy as np

from fashion_mocluster.datasets.atomic import write_atomically
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset


class NumpyDataset(FileDataset):
    """One array of any shape and type; pickled objects are refused.

    Args:
        memory_map: Whether to load it without reading it into memory; changes are not saved.
    """

    def __init__(self, *, filepath: str, memory_map: bool = False, metadata: dict | None = None):
        super().__init__(filepath=filepath, metadata=metadata)
        self._mode = "c" if memory_map else None

    def load(self) -> np.ndarray:
        """The whole array."""
        try:
            return np.load(self._path, mmap_mode=self._mode, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise DataFileError(f"{self._path}: cannot be read as an array ({error})") from error

    def save(self, data: np.ndarray) -> None:
        """Replace the file atomically. An array that is all of a file, mapped read-only, is not stored
        twice: both names then lead to the same file.
        """

        def write(path: Path) -> None:
            # What a killed process left may be a second name of a file, which np.save would overwrite.
            path.unlink(missing_ok=True)
            if not _link(data, path):
                np.save(path, data, allow_pickle=False)

        write_atomically(self._path, write)


def _link(data: np.ndarray, path: Path) -> bool:
    """Make ``path`` a second name of the file that holds the array; False where that is not possible."""
    if not isinstance(data, np.memmap) or data.mode != "r" or data.filename is None:
        return False
    try:
        stored = np.load(data.filename, mmap_mode="r", allow_pickle=False)
        if any(getattr(stored, a) != getattr(data, a) for a in ("shape", "strides", "dtype")):
            return False
        os.link(data.filename, path)
    except (OSError, ValueError):  # another file system, or one without links
        return False
    return True
