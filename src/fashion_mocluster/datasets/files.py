"""What the datasets have in common that are one file or folder."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from fashion_mocluster.datasets.errors import DataFileError


class FileDataset(AbstractDataset[Any, Any]):
    """A file or a folder; read-only where a subclass has no :meth:`save`.

    Raises:
        DataFileError: It is the address of an object storage. Loading raises it where the file is
            missing, damaged or holds something else; saving where it cannot be written, and then the
            old file is unchanged.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        if "://" in filepath:
            raise DataFileError(
                f"{filepath}: {type(self).__name__} needs a local path; mount the storage as a folder"
            )
        self._path = Path(filepath)
        self.metadata = metadata

    def save(self, data: Any) -> None:
        """Refused, always: it is the user's or of another run."""
        raise DataFileError(f"{self}: only read, never written")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
