"""The error of every dataset here."""

from kedro.io import DatasetError

from fashion_mocluster.errors import FashionMoClusterError


class DataFileError(FashionMoClusterError, DatasetError):
    """A file that cannot be read or written, or that does not hold what it should."""
