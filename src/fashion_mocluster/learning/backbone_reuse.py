"""Features of a pretrained network that an earlier run made, used again for images that did not change.

Images are recognized by their pixels, whatever they are called and wherever they are now.
"""

import hashlib
import importlib.metadata
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fashion_mocluster.learning.backbone import PACKAGES, embed_with_backbone
from fashion_mocluster.learning.device import dtype_name, pick_device, pick_precision
from fashion_mocluster.learning.parameters import BackboneParameters
from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

# Counts changes of how features are made: what an older version made is made again.
VERSION = 1


@dataclass(frozen=True, eq=False)
class Described:
    """Images described by a network.

    Attributes:
        features: float32 (N, D).
        images: What tells each image from others, by :func:`image_digests`.
        network: What tells the network from others, by :func:`network_identity`.
    """

    features: np.ndarray
    images: list[str]
    network: str


def describe(
    images: np.ndarray, parameters: BackboneParameters, earlier: Described | None = None
) -> tuple[Described, int]:
    """Features of uint8 images (N, H, W) or (N, H, W, 3), each passed through the network once, and how
    many of the images the ``earlier`` run had described.

    Raises:
        InputError: As :func:`embed_with_backbone` raises.
    """
    network, digests = network_identity(parameters), image_digests(images)
    known: dict[str, np.ndarray] = {}
    if earlier is not None and earlier.network == network:
        known = dict(zip(earlier.images, earlier.features, strict=True))
    n_known = sum(digest in known for digest in digests)
    first = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    new = np.sort([row for digest, row in first.items() if digest not in known]).astype(int)
    if n_known:
        logger.info(
            "backbone: an earlier run has described %d of %s already",
            n_known,
            counted(len(images), "image"),
        )
    if len(new) == len(images):
        return Described(embed_with_backbone(images, parameters), digests, network), 0
    if len(new):
        features = embed_with_backbone(images, parameters, new)
        known |= {digests[row]: z for row, z in zip(new, features, strict=True)}
    features = np.empty((len(images), len(next(iter(known.values())))), np.float32)
    for row, digest in enumerate(digests):
        features[row] = known[digest]
    return Described(features, digests, network), n_known


def image_digests(images: np.ndarray) -> list[str]:
    """24 letters and digits for each image, which only images of equal shape and pixels share."""
    shape = repr(images.shape[1:]).encode()
    return [hashlib.blake2b(shape + i.tobytes(), digest_size=12).hexdigest() for i in images]


def network_identity(parameters: BackboneParameters) -> str:
    """Changes with all that features depend on: parameters, weights, and the version of timm."""
    settings = parameters.model_dump(exclude={"batch_size", "compute"})
    compute = parameters.compute
    settings["precision"] = dtype_name(pick_precision(compute, pick_device(compute)))
    weights = parameters.weights
    if weights == "package":
        weights = _version(PACKAGES.get(parameters.name, ""))
    elif Path(weights).is_file():
        with open(weights, "rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
    content = [VERSION, settings, weights, _version("timm")]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _version(package: str) -> str:
    """Of an installed package; empty where it is missing, which is an error later."""
    with suppress(importlib.metadata.PackageNotFoundError, ValueError):
        return importlib.metadata.version(package)
    return ""
