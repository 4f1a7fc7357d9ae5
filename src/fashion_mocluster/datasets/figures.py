"""Figures as PNG files."""

import base64
from pathlib import Path
from typing import NewType

import numpy as np
from kedro_datasets.matplotlib import MatplotlibDataset
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from fashion_mocluster.datasets.atomic import write_atomically
from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.files import FileDataset

# Dots per inch.
DPI = 110
# Pillow's own level, 6, takes 1.6 to 2 times as long, for files that are up to a seventh smaller.
PNG = {"format": "png", "dpi": (DPI, DPI), "compress_level": 1}

# Kedro-viz shows as a picture what is annotated with a type of this name.
ImagePreview = NewType("ImagePreview", str)


class FigureDataset(MatplotlibDataset):
    """One figure; unlike Kedro's own dataset it draws once, and loads the bytes of the file."""

    def save(self, data: Figure) -> None:
        """Write the figure; atomically if it is on this machine."""
        if self._protocol == "file":
            _write_png(data, Path(self._filepath))
            return
        with self._fs.open(str(self._filepath), "wb") as file:
            _picture(data).save(file, **PNG)

    def load(self) -> bytes:
        """The PNG file."""
        return self._fs.cat_file(str(self._filepath))


class FiguresDataset(FileDataset):
    """A folder that holds exactly the figures saved last: figures left out are removed.

    Saves ``{name: Figure}``, loads ``{name: bytes of the PNG file}``.
    """

    def save(self, data: dict) -> None:
        """Write ``{name: Figure}`` as ``name.png``."""
        for name, figure in data.items():
            _write_png(figure, self._path / f"{name}.png")
        for path in self._path.glob("*.png"):
            if path.stem not in data:
                path.unlink()

    def load(self) -> dict:
        """The files, of which there has to be one."""
        files = {path.stem: path.read_bytes() for path in sorted(self._path.glob("*.png"))}
        if not files:
            raise DataFileError(f"{self._path}: no figures here; kedro run draws them")
        return files

    def preview(self) -> ImagePreview:
        """The first figure, for kedro-viz."""
        first = sorted(self._path.glob("*.png"))[0]
        return ImagePreview(base64.b64encode(first.read_bytes()).decode())

    def _exists(self) -> bool:
        return self._path.is_dir() and any(self._path.glob("*.png"))


def _write_png(figure: Figure, path: Path) -> None:
    picture = _picture(figure)
    write_atomically(path, lambda temporary: picture.save(temporary, **PNG))


def _picture(figure: Figure) -> Image.Image:
    """That of ``savefig``, which draws twice, the first time for the layout alone."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # Without transparency, which no figure has, it is written and read a fifth faster.
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
