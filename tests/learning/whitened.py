"""What holds for everything that has the interface of an encoder and is not trained."""

import numpy as np

from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    ViewParameters,
    WhiteningParameters,
)
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.learning.whitening import whiten_and_embed
from tests.conftest import CPU

EMBEDDING = EmbeddingParameters(batch_size=20, compute=CPU)


def check_whitened_and_stored(images, weights, max_grid_size, stage=1):
    """Images are whitened to 6 dimensions, and what does it is stored without loss."""
    recipe = WhiteningParameters(
        stage=stage, max_grid_size=max_grid_size, pca_components=20, n_components=6, shrinkage=0.3,
        n_fit_images=64, views=ViewParameters(crop_scale={"low": 0.5, "high": 1}), seed=0,
    )  # fmt: skip
    whitened, _ = whiten_and_embed(images, weights, recipe, EMBEDDING)
    z = embed(images, whitened, EMBEDDING)
    assert z.shape == (len(images), 6)
    read_back = EncoderWeights.from_dict(whitened.to_dict())
    np.testing.assert_array_equal(embed(images, read_back, EMBEDDING), z)
