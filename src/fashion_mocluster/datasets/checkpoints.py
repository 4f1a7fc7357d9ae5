"""A folder of training checkpoints: a node gets the store, saves to it and resumes from it."""

from pathlib import Path

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset
from fashion_mocluster.datasets.weights import load_dictionary, save_tensors


class FolderStore:
    """Checkpoints as torch files in one folder; each is replaced atomically."""

    def __init__(self, folder: Path):
        self._folder = folder

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pt"

    def save(self, name: str, state: dict) -> None:
        """Store ``state`` as ``name``; the former one is replaced only by a file that reads back.

        Raises:
            DataFileError: It cannot be written; the former one is unchanged.
        """
        save_tensors(self._path(name), state)

    def load(self, name: str) -> dict | None:
        """The state stored as ``name``, or None.

        Raises:
            DataFileError: The file is damaged or holds no dictionary.
        """
        path = self._path(name)
        if not path.exists():
            return None
        try:
            return load_dictionary(path)
        except DataFileError as error:
            raise DataFileError(
                f"{error}. Delete it: the training then resumes from the newest other checkpoint, "
                "or starts again if there is none"
            ) from None

    def names(self) -> list[str]:
        """Names of all checkpoints in the folder, sorted."""
        # A name that begins with a dot is a temporary file of a process that died.
        return sorted(p.stem for p in self._folder.glob("*.pt") if not p.name.startswith("."))

    def remove(self, name: str) -> None:
        """Delete the checkpoint ``name``."""
        self._path(name).unlink()

    def where(self, name: str) -> str:
        """The path of ``name``, for messages."""
        return str(self._path(name))


class CheckpointStoreDataset(FileDataset):
    """Loads as the store of a folder that need not exist yet; nodes save checkpoints through it."""

    def load(self) -> FolderStore:
        """The store of this folder."""
        return FolderStore(self._path)

    def _exists(self) -> bool:
        return True
