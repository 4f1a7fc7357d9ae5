"""Reading a folder of photos of 12 megapixels, against the goals and against decoding all pixels."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from fashion_mocluster.cost import measure
from fashion_mocluster.datasets.image_folder import read_image_folder
from fashion_mocluster.datasets.picture_cache import PictureCache
from fashion_mocluster.datasets.picture_options import PictureOptions
from tests.benchmarks.side_by_side import Result, time_side_by_side
from tests.benchmarks.size import Size

PHOTO = 4032, 3024
GOAL_PER_S, GOAL_MB = 100, 1500
OPTIONS = PictureOptions(image_shape=(64, 64), color="rgb", invert=False)


def picture_areas(size: Size) -> Iterator[Result]:
    """One result per area."""
    with tempfile.TemporaryDirectory() as folder:
        photos, cache = Path(folder, "photos"), PictureCache(Path(folder, "cache", "p.npy"))
        make_photos(photos, size.photos)
        _, cost = measure(lambda: read_image_folder(photos, OPTIONS, cache))
        rate = size.photos / cost.time_s
        yield _against_goal(
            "photos a second", "photos/s", rate, GOAL_PER_S, rate / GOAL_PER_S, size
        )
        more = GOAL_MB / max(cost.memory_mb, 1)
        yield _against_goal("memory above the array", "MB", cost.memory_mb, GOAL_MB, more, size)
        yield time_side_by_side(
            "Reading photos of 12 MP",
            size.photos,
            ("the same folder again", lambda: read_image_folder(photos, OPTIONS, cache)),
            ("the first time", lambda: read_image_folder(photos, OPTIONS)),
            rounds=size.rounds,
            unit="s",
            scale=1,
        )
        yield time_side_by_side(
            "Reading a photo of 12 MP",
            1,
            ("reduced JPEG", lambda: read_image_folder(photos / "0.jpg", OPTIONS)),
            ("all its pixels, then resized", lambda: plain(photos / "0.jpg")),
            rounds=size.rounds,
            unit="ms",
            scale=1000,
        )


def make_photos(folder: Path, count: int) -> None:
    """JPEG files of about 2.5 MB: smooth shapes with the noise of a camera, under ``count`` names."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    shapes = Image.fromarray(rng.integers(30, 220, (30, 40, 3), dtype=np.uint8))
    pixels = np.asarray(shapes.resize(PHOTO, Image.Resampling.BICUBIC)).astype(np.int16)
    pixels += rng.integers(-10, 11, pixels.shape, dtype=np.int16)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "0.jpg", quality=90)
    for number in range(1, count):
        os.link(folder / "0.jpg", folder / f"{number}.jpg")


def plain(path: Path) -> np.ndarray:
    """A picture as one would read it without a thought."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.LANCZOS))


def _against_goal(
    what: str, unit: str, value: float, goal: float, ratio: float, size: Size
) -> Result:
    return Result(
        *(f"Reading photos of 12 MP, {what}", f"{os.cpu_count()} cores", "goal", size.photos),
        *(round(value, 1), goal, unit, round(ratio, 2), "one run"),
    )
