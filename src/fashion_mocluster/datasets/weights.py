"""Encoder weights as torch files that hold tensors and plain values, nothing executable."""

import io
import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

from kedro.utils import load_obj

from fashion_mocluster.datasets.atomic import write_bytes_atomically
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset

logger = logging.getLogger(__name__)


def load_tensors(path: Path) -> Any:
    """The content of a torch file, on the CPU, without executing anything in it.

    Raises:
        DataFileError: The file is missing, damaged or holds more than tensors and plain values.
    """
    import torch

    try:
        _check_sums(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DataFileError(f"{path}: no such file") from None
    except PermissionError:
        raise DataFileError(f"{path}: permission denied; change the file's permissions") from None
    except pickle.UnpicklingError as error:
        # Torch explains at length how to load the file nevertheless, which nobody should.
        reason = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0]
        raise DataFileError(
            f"{path}: refused, it is damaged or holds more than tensors and plain values ({reason})"
        ) from None
    except Exception as error:
        # Damage can surface anywhere in the reader: RuntimeError, EOFError, KeyError, ...
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataFileError(f"{path}: truncated or not a torch weight file ({reason})") from None


def load_dictionary(path: Path) -> dict:
    """The content of a torch file that holds a dictionary, as :func:`load_tensors` reads it.

    Raises:
        DataFileError: The file cannot be read, or holds something else.
    """
    content = load_tensors(path)
    if not isinstance(content, dict):
        raise DataFileError(f"{path}: expected a dictionary, got {type(content).__name__}")
    return dict(content)


def _check_sums(path: Path) -> None:
    """Check the CRC that the zip archive holds of each of its members, which torch ignores."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")


def save_tensors(path: Path, content: Any) -> None:
    """Replace a torch file atomically.

    Raises:
        DataFileError: It cannot be written; the old file is unchanged.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.seek(0)
    torch.load(buffer, weights_only=True)  # a bug if this fails: the file could not be read again
    write_bytes_atomically(path, buffer.getvalue())


class StateDictDataset(FileDataset):
    """A bare state dict from elsewhere, read-only; loads as ``{"origin": path, "state": tensors}``."""

    def load(self) -> dict:
        """The tensors and the path of their file."""
        return {"origin": str(self._path), "state": load_dictionary(self._path)}


class TorchWeightsDataset(FileDataset):
    """An object with weights, stored as the dictionary of tensors and plain values it turns into.

    While ``filepath`` does not exist, ``fallback_filepath`` is loaded instead; it is never written.

    Args:
        content: Dotted path of the object's class, which has ``to_dict()`` and the class method
            ``from_dict(dictionary)``. Its inverse gets one entry more than ``to_dict`` returns:
            ``origin``, which file was loaded, in words.
        fallback_filepath: Pretrained weights that come with the project, if there are any.
    """

    def __init__(
        self,
        *,
        filepath: str,
        content: str,
        fallback_filepath: str | None = None,
        metadata: dict | None = None,
    ):
        super().__init__(filepath=filepath, metadata=metadata)
        self._fallback = Path(fallback_filepath) if fallback_filepath else None
        self._content = content

    def _source(self) -> tuple[Path, str] | None:
        """The file to load and its origin in words."""
        if self._path.is_file():
            return self._path, f"{self._path}, made here"
        if self._fallback and self._fallback.is_file():
            return self._fallback, f"{self._fallback}, shipped with the project"
        return None

    def load(self) -> Any:
        """The object."""
        if (source := self._source()) is None:
            raise DataFileError(
                f"{self._path}: there are no weights yet; run the pipeline that makes them, with "
                "the same --env and seed"
            )
        path, origin = source
        content = load_dictionary(path)
        logger.info("weights: %s", origin)
        return load_obj(self._content).from_dict({**content, "origin": origin})

    def save(self, data: Any) -> None:
        """Replace ``filepath`` atomically."""
        save_tensors(self._path, data.to_dict())

    def _exists(self) -> bool:
        return self._source() is not None

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "fallback_filepath": str(self._fallback)}
