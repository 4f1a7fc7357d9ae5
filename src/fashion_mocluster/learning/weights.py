"""Encoder weights with all that is needed to use them: architecture and preprocessing."""

from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.learning.backbone import load_backbone
from fashion_mocluster.learning.backbone_encoder import BackboneEncoder
from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.feature_maps import Readout
from fashion_mocluster.learning.hog import HogEncoder
from fashion_mocluster.learning.parameters import (
    BackboneParameters,
    EncoderParameters,
    HogParameters,
    PatchParameters,
    PreprocessingParameters,
)
from fashion_mocluster.learning.patches import PatchEncoder, learn_patches
from fashion_mocluster.learning.preprocessing import PixelStatistics, shrink, shrunk_size
from fashion_mocluster.learning.seeding import fingerprint

# Formats 1 and 2 had other names of parameters.
FORMAT = 3
# What is built from which description.
AnyEncoder = Encoder | BackboneEncoder | HogEncoder | PatchEncoder
Untrained = BackboneParameters | HogParameters | PatchParameters
Architecture = EncoderParameters | Untrained
BUILDERS = {
    EncoderParameters: Encoder,
    BackboneParameters: BackboneEncoder,
    HogParameters: HogEncoder,
    PatchParameters: PatchEncoder,
}


class WeightsError(FashionMoClusterError, ValueError):
    """Weights that do not fit the encoder described with them."""


@dataclass(frozen=True)
class EncoderWeights:
    """The weights of an encoder, with its architecture and preprocessing.

    Attributes:
        state: Tensors by name, on the CPU.
        encoder: Architecture: of an encoder trained here, of a network that was trained elsewhere, or
            of what needs no training: histograms of gradients, which have no weights, and patches.
        image_size: Height and width of the training images, as the encoder saw them.
        channels: Of these images: 1, gray, or 3.
        readout: What replaces the pooled feature map as the representation, if anything.
        origin: Where the weights come from, for messages.
    """

    state: dict[str, Tensor]
    encoder: Architecture
    preprocessing: PreprocessingParameters
    statistics: PixelStatistics
    image_size: tuple[int, int]
    readout: Readout | None = None
    channels: int = 1
    origin: str = field(default="trained here", compare=False)

    @classmethod
    def of(
        cls,
        encoder: AnyEncoder,
        preprocessing: PreprocessingParameters,
        statistics: PixelStatistics,
    ) -> "EncoderWeights":
        """A copy of the encoder's present weights."""
        state = {
            name: value.detach().to("cpu", memory_format=torch.contiguous_format, copy=True)
            for name, value in encoder.state_dict().items()
        }
        return cls(
            state,
            encoder.parameters_used,
            preprocessing,
            statistics,
            encoder.image_size,
            channels=encoder.channels,
        )

    @classmethod
    def of_untrained(cls, parameters: Untrained, images: np.ndarray) -> "EncoderWeights":
        """Those of what is not trained here, for uint8 images like these, (N, H, W) or (N, H, W, 3).

        Raises:
            InputError: The images are too small, or as :func:`load_backbone` raises.
        """
        channels = 3 if images.ndim == 4 else 1
        if isinstance(parameters, BackboneParameters):
            # It resizes and standardizes its input itself.
            preprocessing = PreprocessingParameters(normalize="unit")
            network = load_backbone(parameters)
            encoder = BackboneEncoder(parameters, images.shape[1:3], channels, network)
        else:
            size = parameters.image_size
            preprocessing = PreprocessingParameters(image_size=size, normalize="unit")
            if isinstance(parameters, PatchParameters):
                encoder = learn_patches(shrink(images, preprocessing), parameters)
            else:
                size = shrunk_size(images.shape[1:3], preprocessing)
                encoder = HogEncoder(parameters, size, channels)
        return cls.of(encoder, preprocessing, PixelStatistics(0, 1))

    def check(self) -> None:
        """Compare the tensors with the architecture.

        Raises:
            WeightsError: Names, types or shapes differ from the architecture's, or a value is NaN
                or infinite.
        """
        # On the meta device even an absurd architecture costs no memory to compare with.
        with torch.device("meta"):
            encoder = self._untrained()
        expected = encoder.state_dict()
        problems = [f"{name} is missing" for name in expected.keys() - self.state.keys()]
        problems += [f"{name} is not part of it" for name in self.state.keys() - expected.keys()]
        for name in expected.keys() & self.state.keys():
            tensor, shape = self.state[name], tuple(expected[name].shape)
            if not isinstance(tensor, Tensor):
                problems.append(f"{name}: expected a tensor, got {type(tensor).__name__}")
            elif tuple(tensor.shape) != shape:
                problems.append(f"{name} has shape {tuple(tensor.shape)}, expected {shape}")
            elif not tensor.isfinite().all():
                problems.append(f"{name} holds NaN or infinite values")
        if self.readout is not None:
            problems += self.readout.validate(encoder)
        if problems:
            raise WeightsError(
                f"{self.origin}: the tensors do not fit the encoder described with them: "
                f"{'; '.join(sorted(problems)[:5])}{' ...' if len(problems) > 5 else ''}"
            )

    def build(self) -> AnyEncoder:
        """An encoder with these weights, in eval mode.

        Raises:
            WeightsError: As :meth:`check`.
        """
        self.check()
        encoder = self._untrained()
        encoder.load_state_dict(self.state)
        return encoder.eval()

    def _untrained(self) -> AnyEncoder:
        return BUILDERS[type(self.encoder)](self.encoder, self.image_size, self.channels)

    def fingerprint(self) -> str:
        """A short hash of the tensors."""
        tensors = [tensor.flatten().double().numpy() for tensor in self.state.values()]
        return fingerprint(np.concatenate(tensors))

    def to_dict(self) -> dict:
        """Tensors and plain values only, so that reading them back executes nothing."""
        readout = {} if self.readout is None else {"readout": self.readout.to_dict()}
        return {
            "format": FORMAT,
            "state": self.state,
            "encoder": self.encoder.model_dump(mode="json"),
            "preprocessing": self.preprocessing.model_dump(mode="json"),
            "statistics": asdict(self.statistics),
            "image_size": list(self.image_size),
            "channels": self.channels,
            **readout,
        }

    @classmethod
    def from_dict(cls, content: dict) -> "EncoderWeights":
        """The inverse of :meth:`to_dict`; ``origin`` may be there, it names the file in errors.

        Raises:
            WeightsError: Another format version, or a part is missing or malformed.
        """
        origin = content.get("origin", "trained here")
        if "format" not in content:
            raise WeightsError(f"{origin}: not weights of this project, there is no format number")
        if content["format"] != FORMAT:
            raise WeightsError(
                f"{origin}: weights of format {content['format']}; this version reads format {FORMAT} "
                "only, retrain them"
            )
        try:
            return cls(
                dict(content["state"]),
                _architecture(content["encoder"]),
                PreprocessingParameters(**content["preprocessing"]),
                PixelStatistics(**content["statistics"]),
                tuple(content["image_size"]),
                Readout(**content["readout"]) if "readout" in content else None,
                _channels(content),
                origin=origin,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{origin}: malformed ({error!r})") from error


def _architecture(parameters: dict) -> Architecture:
    """Networks that were trained elsewhere have a name, histograms cells and patches centers."""
    told_by = {"name": BackboneParameters, "cell_size": HogParameters, "n_centers": PatchParameters}
    kinds = (kind for key, kind in told_by.items() if key in parameters)
    # Earlier versions also stored how many layers of a network a finetuning would train.
    stored = {key: value for key, value in parameters.items() if key != "trained_groups"}
    return next(kinds, EncoderParameters)(**stored)


def _channels(content: dict) -> int:
    """1 or 3; files from before there were color images do not say it."""
    channels = content.get("channels", 1)
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}, expected 1 or 3")
    return channels
