"""The IDX files in which MNIST and Fashion-MNIST were published (LeCun et al. 1998).

Torchvision's reader knows neither gzip nor damaged files.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.wording import counted

PREFIXES = {"train": "train", "test": "t10k"}


def read_idx_folder(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Images uint8 (N, H, W) of a folder of IDX files, gzipped or not, and labels int64 (N,), None where
    a label file is missing.

    Args:
        folder: Holds ``train-images-idx3-ubyte``, ``t10k-images-idx3-ubyte`` and so on, itself or in
            folders up to two levels down; ``train-images.idx3-ubyte`` is the same.
        split: ``train``, ``test`` or ``all`` (train, then test).

    Raises:
        DataFileError: A file is missing, ambiguous, damaged or does not match its partner.
    """
    splits = PREFIXES if split == "all" else [split]
    parts = [_read_split(folder, PREFIXES[name]) for name in splits]
    images = np.concatenate([images for images, _ in parts])
    if any(labels is None for _, labels in parts):
        return images, None
    return images, np.concatenate([labels for _, labels in parts])


def _read_split(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray | None]:
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    if images_path is None:
        raise DataFileError(
            f"{folder}: found neither {prefix}-images-idx3-ubyte nor {prefix}-images-idx3-ubyte.gz; "
            "set data.path to the folder of the IDX files, or data.format to torchvision to "
            "download them"
        )
    images = _read(images_path, dimensions=3)
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    if labels_path is None:
        return images, None
    labels = _read(labels_path, dimensions=1).astype(np.int64)
    if len(labels) != len(images):
        raise DataFileError(
            f"{labels_path}: {counted(len(labels), 'label')} for the "
            f"{counted(len(images), 'image')} of {images_path.name}"
        )
    return images, labels


def _find(folder: Path, name: str, kind: str) -> Path | None:
    """The file in the folder itself, or else one or two levels down.

    Torchvision puts the files into ``FashionMNIST/raw``, Kaggle each into a folder of its own.
    """
    for level in ("", "*/", "*/*/"):
        names = [f"{name}{dash}{kind}{suffix}" for suffix in ("", ".gz") for dash in "-."]
        paths = [path for n in names for path in sorted(folder.glob(level + n)) if path.is_file()]
        folders = sorted({str(path.parent) for path in paths})
        if len(folders) > 1:
            raise DataFileError(
                f"{folder}: {name}-{kind} is in more than one folder below it ({', '.join(folders)}); "
                "set data.path to one of them"
            )
        if paths:
            return paths[0]
    return None


def _read(path: Path, dimensions: int) -> np.ndarray:
    """The array of one file, uint8, read-only."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(
            f"{path}: truncated or damaged gzip file ({error}); fetch it again"
        ) from error
    # Two zero bytes, 8 for unsigned bytes, the number of dimensions, then each length.
    start = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < start:
        raise DataFileError(
            f"{path}: not an IDX file of bytes with {counted(dimensions, 'dimension')}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if math.prod(shape) != len(content) - start or not all(shape):
        raise DataFileError(
            f"{path}: {counted(len(content) - start, 'value')}, but its header says "
            f"{' x '.join(map(str, shape))}; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
