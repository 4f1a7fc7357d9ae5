import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning import patches
from fashion_mocluster.learning.parameters import PatchParameters
from fashion_mocluster.learning.patches import PatchEncoder, learn_patches, spherical_kmeans
from fashion_mocluster.learning.weights import EncoderWeights
from tests.learning.whitened import check_whitened_and_stored

PARAMETERS = PatchParameters(size=3, stride=2, n_centers=5, seed=0)


@pytest.fixture(autouse=True)
def few_patches(monkeypatch):
    monkeypatch.setattr(patches, "N_PATCHES", 2000)


def coded_in_loops(image, mean, to_white, centers, size, stride):
    """Codes (centers, down, across) of one image (H, W, C) in [0, 1], patch by patch."""
    places = [range(0, n - size + 1, stride) for n in image.shape[:2]]
    codes = np.zeros((len(centers), len(places[0]), len(places[1])))
    for down, y in enumerate(places[0]):
        for across, x in enumerate(places[1]):
            patch = image[y : y + size, x : x + size].transpose(2, 0, 1).ravel()
            normalized = (patch - patch.mean()) / np.sqrt(patch.var() + 0.01)
            similarity = centers @ (to_white @ (normalized - mean))
            codes[:, down, across] = np.maximum(similarity - similarity.mean(), 0)
    return codes


@pytest.mark.parametrize("shape", [(12, 11), (11, 12, 3)])
def test_codes_are_those_of_each_patch_by_itself(shape, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
    found = {}

    def record(whitened, n_centers, rng):
        found.update(whitened=whitened, centers=spherical_kmeans(whitened, n_centers, rng))
        return found["centers"]

    def record_patches(*arguments):
        found["patches"] = original(*arguments)
        return found["patches"]

    original = patches._random_patches
    monkeypatch.setattr(patches, "spherical_kmeans", record)
    monkeypatch.setattr(patches, "_random_patches", record_patches)
    encoder = learn_patches(images, PARAMETERS)
    assert found["patches"].min() >= 0
    assert found["patches"].max() <= 1
    x = found["patches"] - found["patches"].mean(1, keepdims=True)
    x /= np.sqrt(x.var(1, keepdims=True) + 0.01)
    # ZCA is the symmetric inverse square root of the covariance plus 0.1.
    covariance = np.cov(x.T) + 0.1 * np.eye(x.shape[1])
    to_white = np.linalg.inv(np.real(sqrt_of(covariance)))
    np.testing.assert_allclose(found["whitened"], (x - x.mean(0)) @ to_white, atol=1e-4)
    pixels = torch.from_numpy(images.reshape(4, *shape[:2], -1) / 255).movedim(-1, 1)
    maps = encoder.feature_map(pixels, 1)
    assert maps.shape == (4, *encoder.map_shape(1))
    for image, codes in zip(pixels.movedim(1, -1).numpy(), maps.numpy(), strict=True):
        expected = coded_in_loops(image, x.mean(0), to_white, found["centers"], 3, 2)
        np.testing.assert_allclose(codes, expected, atol=1e-4)


def sqrt_of(matrix):
    """The symmetric square root by Newton's iteration (Denman and Beavers 1976)."""
    y, z = matrix, np.eye(len(matrix))
    for _ in range(30):
        y, z = (y + np.linalg.inv(z)) / 2, (z + np.linalg.inv(y)) / 2
    return y


def test_centers_are_the_directions_that_points_scatter_around():
    rng = np.random.default_rng(0)
    directions = np.eye(4)[rng.integers(4, size=400)]
    points = (directions + rng.normal(0, 0.05, (400, 4))) * rng.uniform(1, 9, (400, 1))
    centers = spherical_kmeans(points, 12, rng)
    np.testing.assert_allclose(np.linalg.norm(centers, axis=1), 1)
    assert (cosine_similarity(np.eye(4), centers).max(1) > 0.99).all()


def test_empty_ground_is_like_no_patch_more_than_another():
    images = np.random.default_rng(0).integers(0, 256, (4, 12, 12), dtype=np.uint8)
    encoder = learn_patches(images, PARAMETERS)
    flat = encoder.feature_map(torch.full((1, 1, 12, 12), 0.4), 1)
    torch.testing.assert_close(
        flat, encoder.offsets.clamp(min=0)[None, :, None, None].expand_as(flat)
    )


def test_images_smaller_than_a_patch_are_refused():
    with pytest.raises(InputError, match=r"patches.size is 13, but the images have 12 pixels"):
        PatchEncoder(PatchParameters(size=13, seed=0), (12, 14))


def test_images_without_contrast_are_refused():
    shades = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((12, 12), np.uint8)
    with pytest.raises(InputError, match="of 2000 drawn from the images, 0 have any contrast"):
        learn_patches(shades, PARAMETERS)


def test_they_are_whitened_and_stored_as_an_encoder_is(images):
    weights = EncoderWeights.of_untrained(PARAMETERS, images)
    again = EncoderWeights.of_untrained(PARAMETERS, images)
    assert weights.fingerprint() == again.fingerprint()
    check_whitened_and_stored(images, weights, max_grid_size=3)
