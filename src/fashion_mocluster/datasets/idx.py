"""The IDX files in which MNIST and Fashion-MNIST were published (LeCun et al. 1998)."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from fashion_mocluster.datasets.image_csv import ImageFileError

READ_BYTES = 1 << 20
FILES = {"train": "train", "test": "t10k"}


def read_idx_folder(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Images uint8 (N, H, W) and labels int64 (N,) of a folder of IDX files, gzipped or not.

    Args:
        folder: Holds ``train-images-idx3-ubyte``, ``t10k-images-idx3-ubyte`` and so on.
        split: ``train``, ``test`` or ``all`` (train, then test).

    Returns:
        Labels are None where a label file is missing.

    Raises:
        ImageFileError: A file is missing, damaged or does not match its partner.
    """
    parts = [_read_split(folder, FILES[s]) for s in (FILES if split == "all" else [split])]
    images = np.concatenate([images for images, _ in parts])
    if any(labels is None for _, labels in parts):
        return images, None
    return images, np.concatenate([labels for _, labels in parts])


def _read_split(folder: Path, prefix: str) -> tuple[np.ndarray, np.ndarray | None]:
    images_path = _find(folder, f"{prefix}-images-idx3-ubyte")
    if images_path is None:
        raise ImageFileError(
            f"{folder}: neither {prefix}-images-idx3-ubyte nor its .gz is there; set data.path to "
            "the folder of the IDX files, or data.format to torchvision to download them"
        )
    images = _read(images_path, dimensions=3)
    labels_path = _find(folder, f"{prefix}-labels-idx1-ubyte")
    if labels_path is None:
        return images, None
    labels = _read(labels_path, dimensions=1).astype(np.int64)
    if len(labels) != len(images):
        raise ImageFileError(
            f"{labels_path}: {len(labels)} labels for the {len(images)} images of {images_path.name}"
        )
    return images, labels


def _find(folder: Path, name: str) -> Path | None:
    candidates = (folder / name, folder / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read(path: Path, dimensions: int) -> np.ndarray:
    """The array of one file, read straight into its final memory."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            header = file.read(4 + 4 * dimensions)
            # Two zero bytes, 8 for unsigned bytes, the number of dimensions, then each length.
            if header[:4] != bytes([0, 0, 8, dimensions]) or len(header) != 4 + 4 * dimensions:
                raise ImageFileError(
                    f"{path}: not an IDX file of bytes with {dimensions} dimension(s)"
                )
            shape = tuple(int(n) for n in np.frombuffer(header, ">u4", dimensions, 4))
            promised = " x ".join(map(str, shape))
            if not all(shape):
                raise ImageFileError(
                    f"{path}: its header promises {promised} values; fetch it again"
                )
            values = np.empty(shape, np.uint8)
            # Whole files at once would be held a second time by the decompression.
            flat, found = memoryview(values).cast("B"), 0
            while part := file.readinto(flat[found : found + READ_BYTES]):
                found += part
            if found != values.size or file.read(1):
                raise ImageFileError(
                    f"{path}: {'more than ' if found == values.size else ''}{found} values, but its "
                    f"header promises {promised}; fetch it again"
                )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImageFileError(
            f"{path}: truncated or damaged gzip ({error}); fetch it again"
        ) from error
    except (MemoryError, ValueError) as error:
        if isinstance(error, ImageFileError):
            raise
        raise ImageFileError(
            f"{path}: its header promises {promised} values, which no memory here holds; fetch it "
            "again"
        ) from error
    return values
