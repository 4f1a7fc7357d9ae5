"""Histograms of oriented gradients: the representations ``hog`` and ``hog_whitened``."""

from typing import Any

import numpy as np
from kedro.pipeline import Node, Pipeline

from fashion_mocluster.learning.parameters import HogParameters
from fashion_mocluster.pipelines.moco_pretraining.pipeline import (
    embedding_pipeline,
    whitening_pipeline,
)

# That of `learning.weights`: to name it here would import torch.
EncoderWeights = Any


def describe_hog(images: np.ndarray, parameters: HogParameters) -> EncoderWeights:
    """What applies the histograms to images like these, in the place of an encoder's weights."""
    from fashion_mocluster.learning.weights import EncoderWeights

    return EncoderWeights.of_hog(parameters, images.shape[1:3], 3 if images.ndim == 4 else 1)


def create_pipeline(*, whitened: bool) -> Pipeline:
    """``images`` to ``hog_embeddings``, or to ``hog_whitened_embeddings``, and their cost."""
    describe = Pipeline(
        [Node(describe_hog, ["images", "params:hog"], "hog_weights", name="describe_hog")]
    )
    if whitened:
        return describe + whitening_pipeline("evaluation.hog_whitened", "hog", "hog_whitening")
    return describe + embedding_pipeline("evaluation.hog", "hog")
