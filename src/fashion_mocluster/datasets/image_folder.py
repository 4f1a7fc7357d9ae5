"""A folder of pictures: the images of somebody who has no CSV and no labels."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fashion_mocluster.datasets.image_csv import ImageFileError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def read_image_folder(folder: Path, image_shape: tuple[int, int]) -> np.ndarray:
    """All pictures below a folder as uint8 (N, H, W): gray, whole, centerd on black.

    They come in the order of their paths, so row i of every table is the i-th path. A picture on
    a light ground is inverted, as in Fashion-MNIST the garment is light and the ground black.

    Args:
        folder: Searched recursively.
        image_shape: Height and width of the result.

    Raises:
        ImageFileError: No picture there, or one that cannot be read.
    """
    paths = list_pictures(folder)
    if not paths:
        raise ImageFileError(f"{folder}: no pictures below it ({', '.join(sorted(SUFFIXES))})")
    return np.stack([_read(path, image_shape) for path in paths])


def list_pictures(folder: Path) -> list[Path]:
    """The pictures below a folder, sorted by path."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _read(path: Path, image_shape: tuple[int, int]) -> np.ndarray:
    height, width = image_shape
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise ImageFileError(f"{path}: cannot be read as a picture ({error}); remove it") from error
    # What is transparent counts as white ground.
    ground = Image.new("RGBA", upright.size, "white")
    gray = Image.alpha_composite(ground, upright).convert("L")
    pixels = np.asarray(gray)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if np.median(border) > 127:
        gray = ImageOps.invert(gray)
    return np.asarray(ImageOps.pad(gray, (width, height), Image.Resampling.LANCZOS, color=0))
