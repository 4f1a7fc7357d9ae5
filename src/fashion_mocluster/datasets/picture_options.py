"""How pictures become images."""

from typing import Annotated, Literal

from pydantic import Field

from fashion_mocluster.parameter_types import Fraction, Parameters

Pixels = Annotated[int, Field(ge=4)]
Color = Literal["auto", "rgb", "gray"]


class PictureOptions(Parameters):
    """What a folder of pictures is turned into, and when it is refused.

    Attributes:
        image_shape: Height and width in pixels; None means 28 x 28.
    """

    image_shape: tuple[Pixels, Pixels] | None = None
    color: Color = "auto"
    invert: bool | Literal["auto"] = "auto"
    unreadable: Literal["skip", "refuse"] = "skip"
    max_unreadable_share: Fraction = 0.5

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image_shape or (28, 28)
