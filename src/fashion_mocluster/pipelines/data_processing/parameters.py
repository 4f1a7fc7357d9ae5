"""Parameters of the images themselves."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Pixels = Annotated[int, Field(ge=4)]


class DataParameters(BaseModel):
    """Where images come from and how their classes are called.

    The catalog reads ``path``, ``format``, ``split``, ``image_shape`` and ``limit``
    from here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    format: Literal["auto", "csv", "idx", "folder", "torchvision"] = "auto"
    split: Literal["train", "test", "all"] = "test"
    image_shape: tuple[Pixels, Pixels] | None = None
    limit: Annotated[int, Field(ge=2)] | None = None
    class_names: list[str] | None = None
