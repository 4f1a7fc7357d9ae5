"""What is applied as an encoder is and not trained here: the weights of the representations
``backbone``, ``hog`` and ``patches``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from kedro.pipeline import Pipeline

from fashion_mocluster.learning.parameters import BackboneParameters, HogParameters, PatchParameters
from fashion_mocluster.pipelines.wiring import nodes_in

# That of `learning.weights`: to name it here would import torch.
EncoderWeights = Any

KINDS = {"backbone": BackboneParameters, "hog": HogParameters, "patches": PatchParameters}


def weights_pipeline(name: str, namespace: str | None = None) -> Pipeline:
    """``images`` to ``<name>_weights``."""
    load = _load(KINDS[name])
    inputs, weights = ["images", f"params:{name}"], f"{name}_weights"
    return nodes_in(namespace, (load, inputs, weights, f"load_{name}_weights"))


def _load(kind: type) -> Callable:
    """A node of its own for each kind, because Kedro takes that of the parameters from a type hint."""

    def load_weights(images: np.ndarray, parameters: kind) -> EncoderWeights:
        from fashion_mocluster.learning.weights import EncoderWeights

        return EncoderWeights.of_untrained(parameters, images)

    return load_weights
