"""Images to representations by a trained encoder."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.backbone_encoder import BackboneEncoder
from fashion_mocluster.learning.device import autocast, pick_device, pick_precision
from fashion_mocluster.learning.encoder import Encoder
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.learning.preprocessing import (
    normalize,
    shrink,
    shrunk_size,
    to_device,
    to_unit_interval,
)
from fashion_mocluster.learning.weights import AnyEncoder, EncoderWeights
from fashion_mocluster.memory import keep_freed_memory
from fashion_mocluster.threads import available_threads

# Images that a thread computes with at once, and numbers in the first map of all of them. Small maps
# take more images to keep a core busy; large ones leave the cache: with twice as many at once patches
# take 1.3 times, the default backbone 1.2 times as long.
CHUNK, CACHED = 64, 2**20


def embed(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Representations float32 (N, D) of uint8 images (N, H, W) or (N, H, W, 3), in eval mode.

    They have unit length with ``flip_tta`` or where the weights have a readout.

    Args:
        parameters: ``preprocessing``, if any, replaces that stored with the weights; a readout
            decides itself whether to ``flip_tta``.
        rows: int (N,), which of the images; None for all.

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

    return encode(images, weights, parameters, represent, rows=rows)


def encode(
    images: np.ndarray,
    weights: EncoderWeights,
    parameters: EmbeddingParameters,
    represent: Callable[[Encoder, Tensor], Tensor],
    augment: Callable[[Tensor], Tensor] | None = None,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Apply ``represent`` to the encoder in eval mode and its input, batch by batch.

    On the CPU each thread computes with images of its own. The result is the same for any number of
    threads, and they never wait for each other, which on a busy machine takes longer than computing.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        represent: Gets the encoder and input (B, C, H, W), returns (B, ...).
        augment: Changes pixels (B, C, H, W) in [0, 1], on the CPU, before they become input.
        rows: int (N,), which of the images; None for all.

    Returns:
        float32 (N, ...).

    Raises:
        InputError: Other images than the encoder takes: of another size, or gray and not in color or
            the reverse.
    """
    keep_freed_memory()
    preprocessing = parameters.preprocessing or weights.preprocessing
    encoder = fold_batch_norm(weights.build())
    fixed_size = encoder.fixed_size or weights.readout is not None
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
    encoder = encoder.to(device, memory_format=torch.channels_last)

    @torch.no_grad()  # which holds for the thread that says so
    def represent_pixels(pixels: Tensor) -> Tensor:
        x = to_device(normalize(pixels, preprocessing, weights.statistics), device)
        with autocast(device, precision):
            return represent(encoder, x).float().cpu()

    on_cpu = device.type == "cpu"
    threads = available_threads() if compute.threads == "auto" else compute.threads
    at_once = images_at_once(encoder)
    parts, computing = [], iter(())
    with one_thread_each(on_cpu), ThreadPoolExecutor(threads if on_cpu else 1) as pool:
        for start in range(0, len(images if rows is None else rows), parameters.batch_size):
            chosen = slice(start, start + parameters.batch_size)
            batch = images[chosen if rows is None else rows[chosen]]
            batch = torch.from_numpy(np.array(shrink(batch, preprocessing)))  # may be read-only
            if augment is None:
                pixels = to_unit_interval(batch.to(device), preprocessing)
            else:  # on the CPU, where the generators of views are
                pixels = augment(to_unit_interval(batch, preprocessing))
            chunks = pixels.split(at_once if on_cpu else len(pixels))
            before, computing = computing, pool.map(represent_pixels, chunks)
            parts += before
        parts += computing
    return torch.cat(parts).numpy()


def images_at_once(encoder: AnyEncoder) -> int:
    """How many images a thread computes with at once, by the size of the first map."""
    return max(1, min(CHUNK, CACHED // math.prod(encoder.map_shape(1))))


def fold_batch_norm(encoder: AnyEncoder) -> AnyEncoder:
    """The encoder, in eval mode, with every BatchNorm made part of the convolution before it.

    A network that was trained elsewhere stays as it is: its BatchNorm may apply an activation too.
    """
    if isinstance(encoder, BackboneEncoder):
        return encoder
    for module in encoder.modules():
        for before, name in (("conv1", "bn1"), ("conv2", "bn2"), ("0", "1")):
            if isinstance(norm := getattr(module, name, None), nn.BatchNorm2d):
                setattr(module, before, fuse_conv_bn_eval(getattr(module, before), norm))
                setattr(module, name, nn.Identity())
    return encoder


@contextmanager
def one_thread_each(only_one: bool = True) -> Iterator[None]:
    """Let every thread compute alone what it computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if only_one else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
