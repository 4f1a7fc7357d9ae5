"""Encoder weights as torch files that hold tensors and plain values, nothing executable."""

import io
import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from fashion_mocluster.datasets.atomic import write_bytes_atomically

logger = logging.getLogger(__name__)


def load_tensors(path: Path) -> Any:
    """The content of a torch file, on the CPU, without executing anything in it.

    Raises:
        DatasetError: Missing, truncated, or holding more than tensors and plain values.
    """
    import torch

    try:
        _check_sums(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file") from None
    except PermissionError:
        raise DatasetError(f"{path}: may not be read; change its permissions") from None
    except pickle.UnpicklingError as error:
        # Torch explains at length how to load it nevertheless, which nobody should.
        reason = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0]
        raise DatasetError(
            f"{path}: refused, it holds more than tensors and plain values or is damaged ({reason})"
        ) from None
    except Exception as error:
        # Damage can surface anywhere in the reader: RuntimeError, EOFError, KeyError, ...
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DatasetError(f"{path}: truncated or not a torch weight file ({reason})") from None


def _check_sums(path: Path) -> None:
    """Compare the sums that the file keeps of its parts, as torch does not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")


def save_tensors(path: Path, content: Any) -> None:
    """Replace a torch file atomically, once the new one is known good."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    buffer.seek(0)
    torch.load(buffer, weights_only=True)  # what could not be read again is not worth keeping
    write_bytes_atomically(path, buffer.getvalue())


class StateDictDataset(AbstractDataset[None, dict]):
    """A bare state dict made elsewhere, read-only; loads as ``{"origin": path, "state": tensors}``.

    Args:
        filepath: The file.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._path = Path(filepath)
        self.metadata = metadata

    def load(self) -> dict:
        """The tensors and the file they are from.

        Raises:
            DatasetError: Missing, damaged, or no dictionary.
        """
        state = load_tensors(self._path)
        if not isinstance(state, dict):
            raise DatasetError(f"{self._path}: expected a state dict, found {type(state).__name__}")
        return {"origin": str(self._path), "state": dict(state)}

    def save(self, data: None) -> None:
        """It belongs to somebody else."""
        raise DatasetError(f"{self._path}: published weights are only read")

    def _exists(self) -> bool:
        return self._path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}


class TorchWeightsDataset(AbstractDataset[dict, dict]):
    """A dictionary of tensors and plain values that describes an encoder.

    Where ``filepath`` does not exist yet, ``fallback_filepath`` is read instead; that one is never
    written. What is loaded says under ``origin`` which file it was.

    Args:
        filepath: Where a run saves.
        fallback_filepath: Weights that came with the project, if any.
        made_by: The pipeline that makes the file, for messages.
    """

    def __init__(
        self,
        *,
        filepath: str,
        fallback_filepath: str | None = None,
        made_by: str = "moco_pretraining",
        content: str | None = None,
        metadata: dict | None = None,
    ):
        self._path = Path(filepath)
        self._fallback = Path(fallback_filepath) if fallback_filepath else None
        self._made_by = made_by
        self.metadata = metadata

    def load(self) -> dict:
        """The content, with its ``origin``."""
        if self._path.exists():
            path, origin = self._path, f"{self._path}, trained here"
        elif self._fallback and self._fallback.exists():
            path, origin = self._fallback, f"{self._fallback}, shipped with the project"
        else:
            raise DatasetError(
                f"{self._path}: no trained encoder yet; run `kedro run "
                f"--pipelines={self._made_by}` first (with the same --env and seed)"
            )
        content = load_tensors(path)
        if not isinstance(content, dict):
            raise DatasetError(f"{path}: expected a dictionary, found {type(content).__name__}")
        logger.info("weights: %s", origin)
        return {**content, "origin": origin}

    def save(self, data: dict) -> None:
        """Replace the file atomically."""
        save_tensors(self._path, {key: data[key] for key in data if key != "origin"})

    def _exists(self) -> bool:
        return self._path.exists() or bool(self._fallback and self._fallback.exists())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path), "fallback_filepath": str(self._fallback)}
