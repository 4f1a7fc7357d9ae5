"""NumPy arrays as ``.npy`` files."""

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset

from fashion_mocluster.datasets.atomic import write_atomically
from fashion_mocluster.datasets.errors import DataFileError


class NumpyDataset(AbstractDataset[np.ndarray, np.ndarray]):
    """One array of any shape and type; pickled objects are refused.

    Args:
        filepath: A ``.npy`` file.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> np.ndarray:
        """The whole array, in memory.

        Raises:
            DataFileError: The file is missing, damaged or holds pickled objects.
        """
        try:
            return np.load(self._path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise DataFileError(f"{self._path}: cannot be read as an array ({error})") from error

    def save(self, data: np.ndarray) -> None:
        """Replace the file atomically.

        Raises:
            DataFileError: It cannot be written; the old file is unchanged.
        """
        write_atomically(self._path, lambda path: np.save(path, data, allow_pickle=False))

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
