"""The tables, figures, texts and values of kedro-datasets, written whole or not at all."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro_datasets import json, matplotlib, pandas, text

from fashion_mocluster.datasets.atomic import write_atomically


class AtomicSaveMixin:
    """Lets the dataset it is mixed into save to a file beside its own, then renames that."""

    def save(self, data: Any) -> None:
        """Replace the file atomically."""
        own, save = self._filepath, super().save

        def write(beside: Path) -> None:
            self._filepath = PurePosixPath(beside)
            save(data)

        try:
            write_atomically(Path(own), write)
        finally:
            self._filepath = own


class CSVDataset(AtomicSaveMixin, pandas.CSVDataset):
    """A table as CSV."""


class ParquetDataset(AtomicSaveMixin, pandas.ParquetDataset):
    """A table as Parquet."""


class JSONDataset(AtomicSaveMixin, json.JSONDataset):
    """Plain values as JSON."""


class MatplotlibDataset(AtomicSaveMixin, matplotlib.MatplotlibDataset):
    """One figure; loads as the bytes of its file, so that a later node can wait for it."""

    def load(self) -> bytes:
        """The PNG file."""
        return Path(self._filepath).read_bytes()


class TextDataset(AtomicSaveMixin, text.TextDataset):
    """One text."""
