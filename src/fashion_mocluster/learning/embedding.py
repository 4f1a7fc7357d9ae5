"""Images to representations, with a trained encoder."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.learning.preprocessing import normalize, to_device, to_unit_interval
from fashion_mocluster.learning.weights import EncoderWeights


def embed(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
) -> np.ndarray:
    """Representations float32 (N, D) of uint8 images (N, H, W), in eval mode.

    Rows have unit length with ``flip_tta`` or where the weights have a readout.

    Args:
        parameters: ``preprocessing``, if given, replaces the input steps kept with the weights; a readout
            knows itself whether to ``flip_tta``.

    Raises:
        ValueError: Another image size than the encoder takes.
    """

    def represent(encoder: Encoder, x: Tensor) -> Tensor:
        if weights.readout is not None:
            return weights.readout(encoder, x)
        z = encoder(x).float()
        if parameters.flip_tta:
            z = _unit(_unit(z) + _unit(encoder(x.flip(-1)).float()))
        return z

    return apply(images, weights, parameters, represent)


@torch.no_grad()
def apply(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
    describe: Callable[[Encoder, Tensor], Tensor],
    change: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """What ``describe`` makes of the encoder in eval mode and its input, batch by batch.

    Args:
        images: uint8 (N, H, W).
        describe: Gets the encoder and input (B, 1, H, W), returns (B, ...).
        change: Of pixels (B, 1, H, W) in [0, 1], on the CPU, before they become input.

    Returns:
        float32 (N, ...).

    Raises:
        ValueError: Another image size than the encoder takes.
    """
    fixed_size = weights.encoder.pooling == "flatten" or weights.readout is not None
    if fixed_size and images.shape[1:] != tuple(weights.image_size):
        raise ValueError(
            f"the encoder takes images of {weights.image_size}, got {images.shape[1:]}"
        )
    steps = parameters.preprocessing or weights.preprocessing
    device = pick_device(parameters.compute)
    precision = pick_precision(parameters.compute, device)
    encoder = weights.build().to(device, memory_format=torch.channels_last)
    parts = []
    for start in range(0, len(images), parameters.batch_size):
        batch = torch.from_numpy(images[start : start + parameters.batch_size])
        if change is None:
            pixels = to_unit_interval(batch.to(device), steps)
        else:  # on the CPU, where the generators of views are
            pixels = change(to_unit_interval(batch, steps))
        x = to_device(normalize(pixels, steps, weights.statistics), device)
        with autocast(device, precision):
            parts.append(describe(encoder, x).float().cpu())
    return torch.cat(parts).numpy()


def _unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)
