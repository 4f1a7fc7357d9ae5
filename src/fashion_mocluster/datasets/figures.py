"""Several figures in one folder, as PNG files."""

import base64
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from fashion_mocluster.datasets.atomic import write_atomically


class FigureDataset(AbstractDataset[Any, bytes]):
    """One figure as a PNG file; loads as its bytes, so that a later node can wait for it.

    Args:
        filepath: The file.
        dpi: Resolution.
    """

    def __init__(self, *, filepath: str, dpi: int = 110, metadata: dict | None = None):
        self._filepath = Path(filepath)
        self._dpi = dpi
        self.metadata = metadata

    def save(self, data: Any) -> None:
        """Write a matplotlib figure."""
        write_atomically(self._filepath, lambda path: data.savefig(path, dpi=self._dpi))

    def load(self) -> bytes:
        """The file."""
        return self._filepath.read_bytes()

    def preview(self) -> Any:
        """The figure, for kedro-viz."""
        from kedro_datasets._typing import ImagePreview

        return ImagePreview(base64.b64encode(self.load()).decode())

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class FiguresDataset(AbstractDataset[dict, dict]):
    """A folder that holds exactly the figures saved last: figures left out are removed.

    Saves ``{name: Figure}``, loads ``{name: bytes of the PNG file}``.

    Args:
        filepath: The folder.
        dpi: Resolution.
    """

    def __init__(self, *, filepath: str, dpi: int = 110, metadata: dict | None = None):
        self._folder = Path(filepath)
        self._dpi = dpi
        self.metadata = metadata

    def save(self, data: dict) -> None:
        """Write ``{name: Figure}`` as ``name.png``."""
        for name, figure in data.items():
            write_atomically(
                self._folder / f"{name}.png", lambda path, f=figure: f.savefig(path, dpi=self._dpi)
            )
        for path in self._folder.glob("*.png"):
            if path.stem not in data:
                path.unlink()

    def load(self) -> dict:
        """The files.

        Raises:
            DatasetError: There are none.
        """
        files = {path.stem: path.read_bytes() for path in sorted(self._folder.glob("*.png"))}
        if not files:
            raise DatasetError(f"{self._folder}: no figures here; kedro run makes them")
        return files

    def preview(self) -> Any:
        """The first figure, for kedro-viz."""
        from kedro_datasets._typing import ImagePreview

        first = sorted(self._folder.glob("*.png"))[0]
        return ImagePreview(base64.b64encode(first.read_bytes()).decode())

    def _exists(self) -> bool:
        return self._folder.is_dir() and any(self._folder.glob("*.png"))

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
