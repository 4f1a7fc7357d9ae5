"""Parameters of the images themselves."""

from typing import Annotated, Literal

from pydantic import Field

from fashion_mocluster.datasets.image_source import Format, Split
from fashion_mocluster.datasets.picture_options import PictureOptions


class DataParameters(PictureOptions):
    """Where the images are, how they are read and what their classes are called, for the catalog."""

    path: str | None
    format: Format = "auto"
    split: Split = "test"
    limit: Annotated[int, Field(ge=2)] | None = None
    labels: Literal["folders"] | None = None
    class_names: list[str] | None = None
    cluster_names: str | None = None
