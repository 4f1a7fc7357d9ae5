"""Pictures sorted into a folder per cluster."""

import os
import shutil
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from kedro.io import AbstractDataset

from fashion_mocluster.datasets.errors import DataFileError


class ClusterFoldersDataset(AbstractDataset[pd.DataFrame, None]):
    """A folder per cluster with links to the pictures, or copies of them; write-only.

    Args:
        filepath: The folder that holds them.
        source: The folder of the pictures.
        export: ``links`` or ``copies``.
    """

    def __init__(
        self,
        *,
        filepath: str,
        source: str,
        export: Literal["none", "links", "copies"],
        metadata: dict | None = None,
    ):
        self._path, self._source, self._export = Path(filepath), Path(source), export
        self.metadata = metadata

    def save(self, data: pd.DataFrame) -> None:
        """Make the folders anew, from columns ``path`` and ``cluster``."""
        shutil.rmtree(self._path, ignore_errors=True)
        for path, cluster in zip(data["path"], data["cluster"], strict=True):
            place = self._path / f"cluster_{cluster}" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            picture = (self._source / path).resolve()
            os.symlink(picture, place) if self._export == "links" else shutil.copy2(picture, place)

    def load(self) -> None:
        """Refuse: the folders are for people.

        Raises:
            DataFileError: Always.
        """
        raise DataFileError(f"{self._path}: folders of pictures are only written")

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "export": self._export}
