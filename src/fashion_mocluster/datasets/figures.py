"""Figures as PNG files."""

import base64
from pathlib import Path
from typing import Any, NewType

from kedro.io import AbstractDataset
from kedro_datasets.matplotlib import MatplotlibDataset
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fashion_mocluster.datasets.atomic import write_atomically
from fashion_mocluster.datasets.errors import DataFileError

# Dots per inch.
DPI = 110
# Pillow's own level, 6, takes 1.6 to 2 times as long, for files that are up to a seventh smaller.
COMPRESSION = {"compress_level": 1}

# Kedro-viz shows as a picture what is annotated with a type of this name.
ImagePreview = NewType("ImagePreview", str)


class FigureDataset(MatplotlibDataset):
    """One figure, drawn once, which Kedro's own dataset does twice; it also loads, as the bytes of the
    PNG file.
    """

    DEFAULT_SAVE_ARGS = {"dpi": DPI}  # noqa: RUF012

    def save(self, data: Figure) -> None:
        """Write the figure."""
        _write_png(data, Path(self._filepath), self._save_args["dpi"])

    def load(self) -> bytes:
        """The PNG file."""
        return Path(self._filepath).read_bytes()


class FiguresDataset(AbstractDataset[dict, dict]):
    """A folder that holds exactly the figures saved last: figures left out are removed.

    Saves ``{name: Figure}``, loads ``{name: bytes of the PNG file}``.

    Args:
        filepath: The folder.
    """

    def __init__(self, *, filepath: str, metadata: dict | None = None):
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: dict) -> None:
        """Write ``{name: Figure}`` as ``name.png``."""
        for name, figure in data.items():
            _write_png(figure, self._folder / f"{name}.png", DPI)
        for path in self._folder.glob("*.png"):
            if path.stem not in data:
                path.unlink()

    def load(self) -> dict:
        """The files.

        Raises:
            DataFileError: There are none.
        """
        files = {path.stem: path.read_bytes() for path in sorted(self._folder.glob("*.png"))}
        if not files:
            raise DataFileError(f"{self._folder}: no figures here; kedro run draws them")
        return files

    def preview(self) -> ImagePreview:
        """The first figure, for kedro-viz."""
        first = sorted(self._folder.glob("*.png"))[0]
        return ImagePreview(base64.b64encode(first.read_bytes()).decode())

    def _exists(self) -> bool:
        return self._folder.is_dir() and any(self._folder.glob("*.png"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}


def _write_png(figure: Figure, path: Path, dpi: int) -> None:
    """What ``savefig`` writes, which draws twice, the first time for the layout alone."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    write_atomically(path, lambda temporary: canvas.print_png(temporary, pil_kwargs=COMPRESSION))
