import numpy as np
import pytest

from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    EncoderParameters,
    PreprocessingParameters,
)
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights

CPU = {"device": "cpu", "precision": "float32"}


def weights(**options):
    encoder = build_encoder(EncoderParameters(blocks=[1], widths=[6], **options), (12, 12), 0)
    return EncoderWeights.of(encoder, PreprocessingParameters(), PixelStatistics(127, 70))


def test_one_row_per_image_in_order(images):
    z = embed(images, weights(), EmbeddingParameters(compute=CPU))
    assert z.shape == (64, 6)
    assert z.dtype == np.float32
    reverse = embed(images[::-1].copy(), weights(), EmbeddingParameters(compute=CPU))
    np.testing.assert_allclose(reverse[::-1], z, rtol=1e-5, atol=1e-6)


def test_batch_size_changes_nothing(images):
    a, b = (
        embed(images, weights(), EmbeddingParameters(batch_size=n, compute=CPU)) for n in (7, 64)
    )
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_mirrored_images_embed_alike(images):
    p = EmbeddingParameters(flip_tta=True, compute=CPU)
    a, b = embed(images, weights(), p), embed(images[:, :, ::-1].copy(), weights(), p)
    np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, rtol=1e-5)


def test_flattening_encoder_refuses_another_size(images):
    with pytest.raises(ValueError, match=r"takes images of \(12, 12\), got \(10, 12\)"):
        embed(images[:, :10], weights(pooling="flatten"), EmbeddingParameters(compute=CPU))
