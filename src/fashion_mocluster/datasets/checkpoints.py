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
        """Keep ``state`` under ``name``, replacing what was there once the new file is good."""
        save_tensors(self._path(name), state)

    def load(self, name: str) -> dict | None:
        """The state kept under ``name``, or None.

        Raises:
            DatasetError: The file is damaged or no checkpoint.
        """
        path = self._path(name)
        if not path.exists():
            return None
        try:
            state = load_tensors(path)
            if not isinstance(state, dict):
                raise DatasetError(f"{path}: holds no checkpoint but a {type(state).__name__}")
        except DatasetError as error:
            raise DatasetError(
                f"{error}. Delete it, and the run goes on from the newest checkpoint beside it, or "
                "anew if there is none"
            ) from None
        return state

    def names(self) -> list[str]:
        """Names of all checkpoints in the folder, sorted."""
        # Files whose name begins with a dot were being written when a process died.
        return sorted(p.stem for p in self._folder.glob("*.pt") if not p.name.startswith("."))

    def remove(self, name: str) -> None:
        """Delete the file of ``name``."""
        self._path(name).unlink()

    def where(self, name: str) -> str:
        """The path."""
        return str(self._path(name))


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
