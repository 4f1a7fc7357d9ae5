"""The file in which a user gave clusters names."""

import pandas as pd

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset


class ClusterNamesDataset(FileDataset):
    """A table as the gallery saves it, or as a spreadsheet saves it again: separated by commas,
    semicolons or tabs, in UTF-8 or the encoding of Windows; read-only.
    """

    def load(self) -> pd.DataFrame:
        """The table; names and ``clustering`` are text, whatever they look like, and empty cells NaN."""
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


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"
