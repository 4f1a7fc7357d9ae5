"""Images to representations, with a trained encoder."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.inputs import normalise, to_device, to_unit_interval
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.learning.weights import EncoderWeights


@torch.no_grad()
def embed(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
) -> np.ndarray:
    """Representations float32 (N, D) of uint8 images (N, H, W), in eval mode.

    Args:
        parameters: ``input``, if given, replaces the input steps kept with the weights.

    Raises:
        ValueError: Another image size than the encoder takes.
    """
    if weights.encoder.pooling == "flatten" and images.shape[1:] != tuple(weights.image_size):
        raise ValueError(
            f"the encoder takes images of {weights.image_size}, got {images.shape[1:]}"
        )
    steps = parameters.input or weights.input
    device = pick_device(parameters.compute)
    precision = pick_precision(parameters.compute, device)
    encoder = weights.build().to(device, memory_format=torch.channels_last)
    parts = []
    for start in range(0, len(images), parameters.batch_size):
        batch = torch.from_numpy(images[start : start + parameters.batch_size]).to(device)
        x = normalise(to_unit_interval(batch, steps), steps, weights.statistics)
        x = to_device(x, device)
        with autocast(device, precision):
            z = encoder(x).float()
            if parameters.mirror:
                z = _unit(z) + _unit(encoder(x.flip(-1)).float())
        parts.append(_unit(z).cpu() if parameters.mirror else z.cpu())
    return torch.cat(parts).numpy()


def _unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)
