"""Parameters of what an encoder sees: pixels as its input, and random views."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fashion_mocluster.parameter_types import Fraction, NonNegative, Parameters


class Range(Parameters):
    """A closed interval; of a view one from which a value is drawn uniformly for each image."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        return self


# Of factors and exponents: the images stay as they are.
UNCHANGED = Range(low=1, high=1)


class PreprocessingParameters(Parameters):
    """How uint8 pixels become network input.

    ``contrast_stretch`` maps each image's own minimum and maximum to 0 and 255 first. ``normalize``:
    ``standardize`` subtracts the mean and divides by the standard deviation of the data set,
    ``unit`` leaves values in [0, 1], ``subtract_raw_mean`` subtracts the mean on the 0-255 scale
    from values in [0, 1], as the published finetuning script does.
    """

    image_size: Annotated[int, Field(ge=4)] | None = None
    contrast_stretch: bool = False
    normalize: Literal["standardize", "unit", "subtract_raw_mean"] = "standardize"


class ViewParameters(Parameters):
    """The random views of one image; every image of a batch draws its own values."""

    crop_scale: Range = UNCHANGED
    aspect_ratio: Range = UNCHANGED
    rotation_degrees: NonNegative = 0
    translate: Fraction = 0
    flip_probability: Fraction = 0
    brightness: Range = UNCHANGED
    gamma: Range = UNCHANGED
    contrast: Range = UNCHANGED
    saturation: Range = UNCHANGED
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0
    gray_probability: Fraction = 0
    blur_kernel: Annotated[int, Field(ge=1)] = 1
    blur_sigma: Range = Range(low=0.1, high=2.0)
    noise_std: NonNegative = 0
    key_view: Literal["independent", "sobel"] = "independent"

    @model_validator(mode="after")
    def _possible(self):
        if not self.crop_scale.low > 0:
            raise ValueError("crop_scale must be positive")
        if self.blur_kernel % 2 == 0:
            raise ValueError(f"blur_kernel must be odd, got {self.blur_kernel}")
        for name in ("aspect_ratio", "gamma", "blur_sigma"):
            if getattr(self, name).low <= 0:
                raise ValueError(f"{name} must be positive")
        return self
