import math

import numpy as np
import pytest
import torch

from fashion_mocluster.learning import embedding
from fashion_mocluster.learning.embedding import embed, encode, fold_batch_norm
from fashion_mocluster.learning.parameters import EmbeddingParameters
from tests.conftest import CPU
from tests.learning.stores import weights_of


def test_one_row_per_image_in_order(images):
    z = embed(images, weights_of(), EmbeddingParameters(compute=CPU))
    assert z.shape == (64, 6)
    assert z.dtype == np.float32
    reverse = embed(images[::-1].copy(), weights_of(), EmbeddingParameters(compute=CPU))
    np.testing.assert_allclose(reverse[::-1], z, rtol=1e-5, atol=1e-6)


def test_batch_size_changes_nothing(images):
    a, b = (
        embed(images, weights_of(), EmbeddingParameters(batch_size=n, compute=CPU)) for n in (7, 64)
    )
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_mirrored_images_embed_alike(images):
    p = EmbeddingParameters(flip_tta=True, compute=CPU)
    a, b = embed(images, weights_of(), p), embed(images[:, :, ::-1].copy(), weights_of(), p)
    np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, rtol=1e-5)


def test_flattening_encoder_refuses_another_size(images):
    with pytest.raises(ValueError, match=r"takes images of \(12, 12\), got \(10, 12\)"):
        embed(images[:, :10], weights_of(pooling="flatten"), EmbeddingParameters(compute=CPU))


def test_convolutions_take_over_what_batch_norm_does(images):
    """Against the encoder as it was trained, with statistics that do change something."""
    w = weights_of(residual=True)
    generator = torch.Generator().manual_seed(0)
    for name, value in w.state.items():
        if value.is_floating_point() and ("bn" in name or "shortcut.1" in name):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    x = torch.from_numpy((images[:, None] - np.float32(127)) / np.float32(70))
    with torch.no_grad():
        expected = w.build()(x).numpy()
    z = embed(images, w, EmbeddingParameters(compute=CPU))
    np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5)
    assert not any(
        isinstance(m, torch.nn.BatchNorm2d) for m in fold_batch_norm(w.build()).modules()
    )


def test_the_number_of_threads_changes_nothing_and_stays_as_it_was(images):
    before = torch.get_num_threads()
    many = np.concatenate([images] * 3)  # more than one chunk
    one, two = (
        embed(many, weights_of(), EmbeddingParameters(compute=CPU | {"threads": n})) for n in (1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert torch.get_num_threads() == before


def test_of_large_maps_a_thread_computes_few_at_once(images, monkeypatch):
    w, p, sizes = weights_of(), EmbeddingParameters(compute=CPU), []

    def represent(encoder, x):
        sizes.append(len(x))
        return encoder(x)

    many = encode(images, w, p, represent)
    monkeypatch.setattr(embedding, "CACHED", 30 * math.prod(w.build().map_shape(1)))
    few = encode(images, w, p, represent)
    assert sizes == [64, 30, 30, 4]
    np.testing.assert_allclose(few, many, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(embedding, "CACHED", 1)
    assert embedding.images_at_once(w.build()) == 1
