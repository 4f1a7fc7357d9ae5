"""A folder of training checkpoints: a node gets the store, saves to it and resumes from it."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from fashion_mocluster.datasets.weights import load_tensors, save_tensors


class FolderStore:
    """Checkpoints as torch files in one folder; each is replaced whole or not at all."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pt"

    def save(self, name: str, state: dict) -> None:
        """Keep ``state`` under ``name``, replacing what was there."""
        save_tensors(self._path(name), state)

    def load(self, name: str) -> dict | None:
        """The state kept under ``name``, or None."""
        path = self._path(name)
        return load_tensors(path) if path.exists() else None

    def prune(self, prefix: str, keep: int) -> None:
        """Drop all but the ``keep`` last files, in order of name, that start with ``prefix``."""
        for path in sorted(self._folder.glob(f"{prefix}*.pt"))[:-keep]:
            path.unlink()


class CheckpointStoreDataset(AbstractDataset[None, FolderStore]):
    """Loads as a store whether or not the folder exists yet.

    Args:
        filepath: The folder.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._folder = Path(filepath)
        self.metadata = metadata

    def load(self) -> FolderStore:
        """The store of this folder."""
        return FolderStore(self._folder)

    def save(self, data: None) -> None:
        """Only nodes write checkpoints, through the store."""
        raise DatasetError("checkpoints are saved through the store that this dataset loads")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
