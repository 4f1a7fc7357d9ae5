import numpy as np
import pytest
import torch

from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.feature_maps import flatten_feature_map
from fashion_mocluster.learning.parameters import EmbeddingParameters, WhiteningParameters
from fashion_mocluster.learning.views import view
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.learning.whitening import whiten_and_embed, whitening_matrix
from tests.conftest import CPU
from tests.learning.stores import weights_of

EMBEDDING = EmbeddingParameters(flip_tta=True, batch_size=64, compute=CPU)
VIEWS = {"crop_scale": {"low": 0.5, "high": 1}, "flip_probability": 0.5, "noise_std": 20}


@pytest.fixture
def weights():
    return weights_of(widths=[3, 4])


def parameters(**changes):
    p = {"stage": 2, "max_grid_size": 3, "pca_components": 99, "n_components": 99, "shrinkage": 0.1}
    return WhiteningParameters(**{**p, "n_fit_images": 99, "views": VIEWS, "seed": 5, **changes})


def test_what_scatters_like_the_differences_becomes_white():
    rng = np.random.default_rng(0)
    differences = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4))
    scatter = differences.T @ differences / 500
    matrix = whitening_matrix(differences, 1e-9)
    np.testing.assert_allclose(matrix.T @ scatter @ matrix, np.eye(4), atol=1e-6)
    # Shrunk, each variance v becomes v / (v + share of the mean).
    matrix = whitening_matrix(differences, 0.5)
    v = np.linalg.eigvalsh(scatter)
    found = np.linalg.eigvalsh(matrix.T @ scatter @ matrix)
    np.testing.assert_allclose(found, v / (v + 0.5 * v.mean()), rtol=1e-6)


@torch.no_grad()
def test_without_shrinkage_the_principal_components_of_the_map_remain(images, weights):
    """By a singular value decomposition, compared by angles, in which turned components are equal."""
    principal = parameters(shrinkage=None, pca_components=5)
    _, z = whiten_and_embed(images, weights, principal, EMBEDDING)
    x = (torch.from_numpy(images).unsqueeze(1).float() - 127) / 70
    plain = flatten_feature_map(weights.build(), x, 2, 3, flip_tta=True).double().numpy()
    plain -= plain.mean(0)
    principal = plain @ np.linalg.svd(plain)[2][:5].T
    principal /= np.linalg.norm(principal, axis=1, keepdims=True)
    np.testing.assert_allclose(z @ z.T, principal @ principal.T, atol=1e-3)


def test_what_no_view_changes_stays_finite():
    differences = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 0]
    assert np.isfinite(whitening_matrix(differences, 0.1)).all()
    assert np.isfinite(whitening_matrix(np.zeros((50, 3)), 0.1)).all()


@torch.no_grad()
@pytest.mark.parametrize("components", [36, 10])
@pytest.mark.parametrize("flip_tta", [True, False])
def test_distances_are_those_of_the_method_written_plainly(images, weights, components, flip_tta):
    """Principal components by a singular value decomposition, all scatter by plain means."""
    embedding = EMBEDDING.model_copy(update={"flip_tta": flip_tta})
    some = parameters(pca_components=components)
    _, z = whiten_and_embed(images, weights, some, embedding)

    encoder, steps = weights.build(), (127 / 255, 70 / 255)
    pixels = torch.from_numpy(images).unsqueeze(1) / 255
    generator = torch.Generator().manual_seed(5)
    plain, one, other = (
        flatten_feature_map(encoder, (x - steps[0]) / steps[1], 2, 3, flip_tta).double().numpy()
        for x in (pixels, *(view(pixels, parameters().views, generator) for _ in range(2)))
    )
    plain = plain - plain.mean(0)
    principal = np.linalg.svd(plain)[2][:components].T
    plain, one, other = plain @ principal, one @ principal, other @ principal
    scatter = (one - other).T @ (one - other) / 2 / len(images)
    scatter += 0.1 * np.trace(scatter) / len(scatter) * np.eye(len(scatter))
    values, vectors = np.linalg.eigh(scatter)
    white = plain @ vectors / np.sqrt(values)
    white /= np.linalg.norm(white, axis=1, keepdims=True)
    assert z.shape == (64, components)
    np.testing.assert_allclose(z @ z.T, white @ white.T, atol=1e-3)


def test_fewer_dimensions_are_those_that_spread_most(images, weights):
    whole, _ = whiten_and_embed(images, weights, parameters(), EMBEDDING)
    fewer, z = whiten_and_embed(images, weights, parameters(n_components=3), EMBEDDING)
    np.testing.assert_array_equal(fewer.readout.matrix, whole.readout.matrix[:, :3])
    assert z.shape == (64, 3)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)


def test_it_is_fitted_to_some_images_chosen_by_the_seed(images, weights):
    def matrix(**changes):
        whitened, _ = whiten_and_embed(images, weights, parameters(**changes), EMBEDDING)
        return whitened.readout.matrix

    torch.testing.assert_close(matrix(n_fit_images=20), matrix(n_fit_images=20))
    assert not torch.equal(matrix(n_fit_images=20, seed=1), matrix(n_fit_images=20, seed=2))
    assert matrix(n_fit_images=20).shape[1] == 20


def test_new_images_are_described_like_the_known_ones(images, weights):
    whitened, _ = whiten_and_embed(images, weights, parameters(), EMBEDDING)
    z = embed(images, whitened, EMBEDDING)
    back = EncoderWeights.from_dict(whitened.to_dict())
    np.testing.assert_allclose(embed(images[7:9], back, EMBEDDING), z[7:9], atol=1e-5)
    plain = EmbeddingParameters(batch_size=64, compute=CPU)  # the readout knows about mirror images
    np.testing.assert_array_equal(embed(images, whitened, plain), z)
    with pytest.raises(ValueError, match=r"takes images of \(12, 12\), got \(10, 12\)"):
        embed(images[:, :10], whitened, EMBEDDING)


def test_what_cannot_be_whitened_is_said(images, weights):
    with pytest.raises(ValueError, match=r"images of \(10, 12\), but the encoder was trained on"):
        whiten_and_embed(images[:, :10], weights, parameters(), EMBEDDING)
    with pytest.raises(ValueError, match="stage is 3, but the encoder has 2 stages; lower it"):
        whiten_and_embed(images, weights, parameters(stage=3), EMBEDDING)
    with pytest.raises(ValueError, match="at least two images, got 1"):
        whiten_and_embed(images[:1], weights, parameters(), EMBEDDING)
    with pytest.raises(ValueError, match="all images look the same"):
        whiten_and_embed(np.zeros_like(images), weights, parameters(), EMBEDDING)


@pytest.mark.parametrize("n_fit_images", [5, 99])
def test_maps_that_were_fitted_to_become_the_embeddings_of_their_images(
    images, weights, n_fit_images
):
    some = parameters(n_fit_images=n_fit_images, n_components=3)
    whitened, z = whiten_and_embed(images, weights, some, EMBEDDING)
    np.testing.assert_allclose(z, embed(images, whitened, EMBEDDING), atol=1e-5)
