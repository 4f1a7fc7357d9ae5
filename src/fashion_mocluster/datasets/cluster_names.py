"""The file in which a user gave clusters names."""

from pathlib import Path
from typing import Any

import pandas as pd

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.read_only import ReadOnlyDataset


class ClusterNamesDataset(ReadOnlyDataset):
    """A table as the gallery saves it, or as a spreadsheet saves it again: separated by commas,
    semicolons or tabs, in UTF-8 or the encoding of Windows; read-only.

    Args:
        filepath: A CSV file.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """The table; names and ``clustering`` are text, whatever they look like, and empty cells NaN.

        Raises:
            DataFileError: There is no such file, or it is no table.
        """
        try:
            encoding = _encoding(self._path.read_bytes())
            header = self._path.read_text(encoding).partition("\n")[0]
            return pd.read_csv(
                self._path,
                sep=max(",;\t", key=header.count),
                encoding=encoding,
                dtype={"name": str, "clustering": str},
                keep_default_na=False,  # NA may be a name
                na_values=[""],
            )
        except (OSError, ValueError) as error:  # pandas' errors are ValueErrors
            reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
            raise DataFileError(
                f"{self._path}: cannot be read as a table cluster,name ({reason})"
            ) from None

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
