"""Embeddings that were made elsewhere, from the kinds of files that people keep them in, and those of
earlier runs.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset


class ExternalEmbeddingsDataset(FileDataset):
    """A table of embeddings, one line per image, read-only.

    Args:
        filepath: A ``.npy`` file of an array (N, D), whose columns become ``feature_0``,
            ``feature_1``, ...; or a ``.parquet`` or ``.csv`` file, whose columns stay as they are.
    """

    def load(self) -> pd.DataFrame:
        """The table; an array has two dimensions."""
        readers = {".npy": _read_npy, ".parquet": pd.read_parquet, ".csv": pd.read_csv}
        read = readers.get(self._path.suffix.lower())
        if read is None:
            raise DataFileError(
                f"{self._path}: embeddings are read from {', '.join(readers)}, by the end of the name"
            )
        try:
            return read(self._path)
        except FileNotFoundError:
            raise DataFileError(f"{self._path}: no such file") from None
        except (
            ValueError,
            EOFError,
            OSError,
        ) as error:  # those of pyarrow and pandas are ValueErrors
            reason = str(error).partition("\n")[0]
            raise DataFileError(f"{self._path}: cannot be read as embeddings ({reason})") from error


class EarlierEmbeddingsDataset(FileDataset):
    """The table of embeddings that an earlier run stored, if there is one; read-only."""

    def __init__(self, *, filepaths: list[str], metadata: dict | None = None):
        self._paths = [Path(path) for path in filepaths]
        self.metadata = metadata

    def load(self) -> pd.DataFrame | None:
        """The first of the tables that can be read, with its ``attrs``; None where there is none, or a
        process was killed while it wrote.
        """
        for path in self._paths:
            with suppress(OSError, ValueError):  # pyarrow's errors are ValueErrors
                return pd.read_parquet(path)
        return None

    def _exists(self) -> bool:
        return any(path.exists() for path in self._paths)

    def _describe(self) -> dict[str, Any]:
        return {"filepaths": [str(path) for path in self._paths]}


def _read_npy(path: Path) -> pd.DataFrame:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(f"expected numbers in two dimensions, found {array.dtype} {array.shape}")
    columns = [f"feature_{i}" for i in range(array.shape[1])]
    return pd.DataFrame(array, columns=columns, copy=False)
