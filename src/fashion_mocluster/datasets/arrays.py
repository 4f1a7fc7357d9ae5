"""NumPy arrays as ``.npy`` files."""

from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError

from fashion_mocluster.datasets.atomic import write_atomically


class NumpyDataset(AbstractDataset[np.ndarray, np.ndarray]):
    """One array; pickled objects are refused on reading.

    Args:
        filepath: A ``.npy`` file.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> np.ndarray:
        """The array, read whole."""
        try:
            return np.load(self._path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise DatasetError(f"{self._path}: cannot be read as an array ({error})") from error

    def save(self, data: np.ndarray) -> None:
        """Replace the file atomically."""
        write_atomically(self._path, lambda path: np.save(path, data, allow_pickle=False))

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
