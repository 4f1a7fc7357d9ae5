"""What the datasets have in common that no run writes."""

from typing import Any

from kedro.io import AbstractDataset

from fashion_mocluster.datasets.errors import DataFileError


class ReadOnlyDataset(AbstractDataset[None, Any]):
    """A dataset that is the user's or of another run."""

    def save(self, data: None) -> None:
        """Refused.

        Raises:
            DataFileError: Always.
        """
        raise DataFileError(f"{self}: only read, never written")
