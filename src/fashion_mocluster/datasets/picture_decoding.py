"""One picture file as a small image: upright, whole, as a viewer would show it."""

import contextlib
import threading
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from fashion_mocluster.datasets.picture_files import heif_is_read
from fashion_mocluster.datasets.picture_options import PictureOptions

# No other formats are tried whatever a file is called: some start programs.
FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "TIFF", "BMP", "GIF"]
# Pictures of more pixels are decoded one at a time, which bounds the memory needed.
LARGE = 25_000_000
ONE_LARGE = threading.Lock()
# Read at once; Pillow's own 64 KB make decoding a tenth slower.
READ_BYTES = 1 << 20
# JPEG files are decoded to no less than this many times the final size; 1/8 of the full size costs least.
REDUCED = 1.5
# Brighter things are put on black, others on white, where their own ground is transparent.
BRIGHT_THING = 191
BRIGHT_GROUND = 127
# A picture has colors if the channels of so many of its pixels differ by more than so much; those of
# gray pictures differ a little after JPEG compression.
COLOR_RANGE, COLOR_SHARE = 24, 0.002


class UnreadablePictureError(Exception):
    """A file that is not the picture its name promises; the message is the reason alone.

    Attributes:
        lasting: Whether only a change of the file can make it readable.
    """

    def __init__(self, reason: str, lasting: bool = True):
        super().__init__(reason)
        self.lasting = lasting


class Decoded(NamedTuple):
    """A small image.

    Attributes:
        pixels: uint8 (H, W, 3), or (H, W) if gray was asked for.
        ground: Gray value of the ground, 0 to 255: the median along the border.
        has_color: Whether the picture is more than gray.
    """

    pixels: np.ndarray
    ground: int
    has_color: bool


def prepare_decoding() -> list[str]:
    """Load Pillow's readers; the names of the formats that are read, for :func:`decode_picture`."""
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    if heif_is_read():
        from pillow_heif import register_heif_opener

        register_heif_opener()
        formats.append("HEIF")
    return formats


def decode_picture(path: Path, options: PictureOptions, formats: list[str]) -> Decoded:
    """The first image of a file, fitted whole into ``options.shape``.

    What remains at the sides gets the color of the picture's own border. Of JPEG files only a
    reduced form is decoded. Pictures are inverted as ``options`` say, except for those that may yet
    become gray together, with ``color: auto``.

    Raises:
        UnreadablePictureError: It cannot be decoded.
    """
    try:
        with Image.open(path, formats=formats) as picture:
            small = _small(picture, options)
    except UnidentifiedImageError:
        raise UnreadablePictureError("no picture, or of an unknown format") from None
    except Image.DecompressionBombError:
        limit = f"{2 * Image.MAX_IMAGE_PIXELS:,}"
        raise UnreadablePictureError(f"too large (more than {limit} pixels)") from None
    except MemoryError:
        raise
    except Exception as error:
        # Damage can surface anywhere in a decoder: OSError, SyntaxError, struct.error, ...
        reason = f"damaged ({error or type(error).__name__})"
        if (errno := getattr(error, "errno", None)) is not None:
            reason = f"cannot be opened ({error.strerror})"
        raise UnreadablePictureError(reason, lasting=errno is None) from None
    decoded = _padded(small, options.shape)
    if options.invert == "auto" and options.color != "gray":
        return decoded
    ground = np.array(decoded.ground)
    return decoded._replace(pixels=invert(decoded.pixels, ground, options.invert))


def invert(pixels: np.ndarray, ground: np.ndarray, which: bool | Literal["auto"]) -> np.ndarray:
    """Images with all, none or, with ``auto``, those on a bright ground turned into their negatives.

    Args:
        pixels: uint8 (..., H, W); in color (..., H, W, 3) unless ``which`` is ``auto``.
        ground: Of each image (...).
    """
    if which == "auto":
        is_bright = (ground > BRIGHT_GROUND)[..., None, None]
        return np.where(is_bright, 255 - pixels, pixels)
    return 255 - pixels if which else pixels


def to_gray(pixels: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) to (...), with the weights of ITU-R 601-2, as Pillow has them."""
    weights = np.array([19595, 38470, 7471], np.uint32)
    return ((pixels.astype(np.uint32) @ weights + 0x8000) >> 16).astype(np.uint8)


def _small(picture: Image.Image, options: PictureOptions) -> Image.Image:
    """The picture, upright and in the final size before padding: RGB or L."""
    height, width = options.shape
    gray = options.color == "gray"
    picture.draft("L" if gray else None, (round(REDUCED * max(height, width)),) * 2)
    picture.decodermaxblock = READ_BYTES
    large = picture.width * picture.height > LARGE
    with ONE_LARGE if large else contextlib.nullcontext():
        ImageOps.exif_transpose(picture, in_place=True)
        scale = min(height / picture.height, width / picture.width)
        size = [max(1, round(length * scale)) for length in picture.size]
        picture = _eight_bit(picture).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    if "A" in picture.getbands():
        picture = _on_ground(picture)
    return picture.convert("L" if gray else "RGB")


def _eight_bit(picture: Image.Image) -> Image.Image:
    """The same picture as L, RGB or RGBA."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return Image.fromarray(_rescaled(np.asarray(picture)))
    if picture.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, *profiles, outputMode="RGB")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _rescaled(values: np.ndarray) -> np.ndarray:
    """Values of more than 8 bits as uint8.

    Integers of 16 bits are divided by 257. Other values are taken to be on the smallest of the scales
    0 to 1 (unless they are integers), 0 to 255 and 0 to 65535 that holds them all, or else are
    stretched from their smallest to their largest. What is not finite becomes the smallest value.
    """
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        values = np.where(finite, values, values[finite].min() if finite.any() else 0)
    low, high = float(values.min()), float(values.max())
    scales = [1.0] if values.dtype.kind == "f" else []
    scales += [65535.0] if values.dtype.itemsize == 2 else [255.0, 65535.0]
    top = next((scale for scale in scales if low >= 0 and high <= scale), None)
    bottom, top = (low, max(high, low + 1)) if top is None else (0.0, top)
    pixels = np.empty(values.shape, np.uint8)
    for row, line in zip(pixels, values, strict=True):
        row[:] = np.rint((line.astype(np.float64) - bottom) * (255 / (top - bottom)))
    return pixels


def _on_ground(picture: Image.Image) -> Image.Image:
    """An RGBA picture on white, or on black if what is visible of it is bright itself."""
    alpha = np.asarray(picture.getchannel("A"), np.float64)
    gray = np.asarray(picture.convert("RGB").convert("L"))
    is_bright = (gray * alpha).sum() > BRIGHT_THING * alpha.sum()
    ground = Image.new("RGBA", picture.size, "black" if is_bright else "white")
    return Image.alpha_composite(ground, picture)


def _padded(small: Image.Image, shape: tuple[int, int]) -> Decoded:
    """The picture in the middle of an image of this shape, and what is known of its colors."""
    inner = np.asarray(small)
    border = np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])
    ground = np.median(border, axis=0).astype(np.uint8)
    pixels = np.empty((*shape, *inner.shape[2:]), np.uint8)
    pixels[:] = ground
    top, left = ((outer - length) // 2 for outer, length in zip(shape, inner.shape, strict=False))
    pixels[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    if inner.ndim == 2:
        return Decoded(pixels, int(ground), False)
    share = (np.ptp(pixels, axis=2) > COLOR_RANGE).mean()
    return Decoded(pixels, int(to_gray(ground)), bool(share > COLOR_SHARE))
