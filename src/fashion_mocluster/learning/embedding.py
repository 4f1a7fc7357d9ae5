"""Images to representations by a trained encoder."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.device import (
    TRIAL_BATCH_SIZE,
    autocast,
    pick_device,
    pick_precision,
)
from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.learning.preprocessing import (
    normalize,
    shrink,
    shrunk_size,
    to_device,
    to_unit_interval,
)
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.threads import TorchThreads


def embed(
    images: np.ndarray, weights: EncoderWeights, parameters: EmbeddingParameters
) -> np.ndarray:
    """Representations float32 (N, D) of uint8 images (N, H, W) or (N, H, W, 3), in eval mode.

    They have unit length with ``flip_tta`` or where the weights have a readout.

    Args:
        parameters: ``preprocessing``, if any, replaces that stored with the weights; a readout
            decides itself whether to ``flip_tta``.

    Raises:
        InputError: Other images than the encoder takes.
    """

    def represent(encoder: Encoder, x: Tensor) -> Tensor:
        if weights.readout is not None:
            return weights.readout(encoder, x)
        z = encoder(x).float()
        if parameters.flip_tta:
            flipped = F.normalize(encoder(x.flip(-1)).float(), dim=1)
            z = F.normalize(F.normalize(z, dim=1) + flipped, dim=1)
        return z

    return encode(images, weights, parameters, represent)


@torch.no_grad()
def encode(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
    represent: Callable[[Encoder, Tensor], Tensor],
    augment: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Apply ``represent`` to the encoder in eval mode and its input, batch by batch.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        represent: Gets the encoder and input (B, C, H, W), returns (B, ...).
        augment: Changes pixels (B, C, H, W) in [0, 1], on the CPU, before they become input.

    Returns:
        float32 (N, ...).

    Raises:
        InputError: Other images than the encoder takes: of another size, or gray and not in color or
            the reverse.
    """
    preprocessing = parameters.preprocessing or weights.preprocessing
    fixed_size = weights.encoder.pooling == "flatten" or weights.readout is not None
    size = shrunk_size(images.shape[1:3], preprocessing)
    if fixed_size and size != tuple(weights.image_size):
        raise InputError(f"the encoder takes images of {weights.image_size}, got {size}")
    if (images.ndim == 4) != (weights.channels == 3):
        one, other = ("color", "gray") if weights.channels == 3 else ("gray", "color")
        raise InputError(
            f"{weights.origin}: the encoder was trained on {one} images, these are {other} ones; set "
            "data.color, or train anew"
        )
    compute, device = parameters.compute, pick_device(parameters.compute)
    precision = pick_precision(compute, device)
    encoder = weights.build().to(device, memory_format=torch.channels_last)

    def represent_pixels(pixels: Tensor) -> Tensor:
        x = to_device(normalize(pixels, preprocessing, weights.statistics), device)
        with autocast(device, precision):
            return represent(encoder, x).float().cpu()

    def represent_few() -> Tensor:
        few = torch.from_numpy(shrink(images[:TRIAL_BATCH_SIZE], preprocessing))
        return represent_pixels(to_unit_interval(few, preprocessing))

    threads = compute.threads if device.type == "cpu" else torch.get_num_threads()
    with TorchThreads("embedding", threads, represent_few):
        parts = []
        for start in range(0, len(images), parameters.batch_size):
            batch = images[start : start + parameters.batch_size]
            batch = torch.from_numpy(shrink(batch, preprocessing))
            if augment is None:
                pixels = to_unit_interval(batch.to(device), preprocessing)
            else:  # on the CPU, where the generators of views are
                pixels = augment(to_unit_interval(batch, preprocessing))
            parts.append(represent_pixels(pixels))
    return torch.cat(parts).numpy()
