"""A folder of pictures: the images of somebody who has no CSV and no labels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fashion_mocluster.datasets.errors import DataFileError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def read_image_folder(folder: Path, image_shape: tuple[int, int]) -> np.ndarray:
    """All pictures below a folder as grayscale images, padded with black to one shape.

    They are sorted by path, so that row i of every table is the i-th path. A picture on a light
    background is inverted, because in Fashion-MNIST garments are light and the background is black.

    Args:
        folder: Searched recursively.
        image_shape: Height and width of the result, in pixels.

    Returns:
        uint8 (N, H, W).

    Raises:
        DataFileError: There is no picture, or one cannot be read.
    """
    paths = list_pictures(folder)
    if not paths:
        raise DataFileError(f"{folder}: no pictures below it ({', '.join(sorted(SUFFIXES))})")
    return np.stack([_read(path, image_shape) for path in paths])


def list_pictures(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted by path.

    Hidden files and folders are left out (``.ipynb_checkpoints``, the ``._`` files of macOS), and
    so is ``__MACOSX``, which archives made on macOS contain.
    """

    def wanted(path: Path) -> bool:
        parts = path.relative_to(folder).parts
        return not any(part.startswith(".") or part == "__MACOSX" for part in parts)

    pictures = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in pictures if wanted(path) and path.is_file())


def _read(path: Path, image_shape: tuple[int, int]) -> np.ndarray:
    height, width = image_shape
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise DataFileError(f"{path}: cannot be read as a picture ({error}); remove it") from error
    # Transparent pixels count as white.
    background = Image.new("RGBA", upright.size, "white")
    gray = Image.alpha_composite(background, upright).convert("L")
    pixels = np.asarray(gray)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if np.median(border) > 127:
        gray = ImageOps.invert(gray)
    return np.asarray(ImageOps.pad(gray, (width, height), Image.Resampling.LANCZOS, color=0))
