"""Parameters of the images themselves."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fashion_mocluster.datasets.image_source import Format, Split

Pixels = Annotated[int, Field(ge=4)]


class DataParameters(BaseModel):
    """Where the images are and what their classes are called.

    The catalog takes all but ``class_names`` from here; ``datasets.image_source`` says what they
    mean. ``cluster_names`` is a CSV file ``cluster,name`` with the user's names of the clusters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    format: Format = "auto"
    split: Split = "test"
    image_shape: tuple[Pixels, Pixels] | None = None
    limit: Annotated[int, Field(ge=2)] | None = None
    class_names: list[str] | None = None
    cluster_names: str | None = None
