import math

import numpy as np
import pytest
import torch

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.hog import HogEncoder, gradients
from fashion_mocluster.learning.parameters import HogParameters
from fashion_mocluster.learning.weights import EncoderWeights
from tests.learning.whitened import EMBEDDING, check_whitened_and_stored

PARAMETERS = HogParameters(orientations=4, cell_size=3)


def described_in_loops(image, orientations, cell):
    """Histograms of blocks (down, across, channels) of one image in [0, 1], pixel by pixel."""
    height, width = image.shape
    rows, columns = height // cell, width // cell
    histograms = np.zeros((rows, columns, orientations))
    for y in range(rows * cell):
        for x in range(columns * cell):
            dx = image[y, x + 1] - image[y, x - 1] if 0 < x < width - 1 else 0
            dy = image[y + 1, x] - image[y - 1, x] if 0 < y < height - 1 else 0
            place = math.atan2(dy, dx) % math.pi / math.pi * orientations
            lower, share = int(place), place - int(place)
            histogram = histograms[y // cell, x // cell]
            histogram[lower % orientations] += math.hypot(dx, dy) * (1 - share)
            histogram[(lower + 1) % orientations] += math.hypot(dx, dy) * share
    blocks = np.zeros((rows - 1, columns - 1, 4 * orientations))
    for y in range(rows - 1):
        for x in range(columns - 1):
            block = histograms[y : y + 2, x : x + 2].flatten()
            blocks[y, x] = block / (np.linalg.norm(block) + 0.05)
    return blocks


@pytest.mark.parametrize("size", [(12, 12), (14, 10)])
def test_histograms_are_those_counted_pixel_by_pixel(size):
    images = np.random.default_rng(0).random((3, *size), np.float32)
    encoder = HogEncoder(PARAMETERS, size)
    maps = encoder.feature_map(torch.from_numpy(images)[:, None], 1)
    assert maps.shape == (3, *encoder.map_shape(1))
    for image, found in zip(images, maps.numpy(), strict=True):
        expected = described_in_loops(image.astype(float), 4, 3).transpose(2, 0, 1)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_edge_votes_for_its_direction_and_flat_ground_for_none():
    image = torch.zeros(1, 1, 12, 12)
    image[..., 6:] = 1
    maps = HogEncoder(PARAMETERS, (12, 12)).feature_map(image, 1).unflatten(1, (4, 4))
    # Directions are those of the gradient: across. Nothing votes for the other three.
    assert maps[:, :, 0].max() > 0.4
    assert maps[:, :, 1:].abs().max() == 0


def test_contrast_hardly_counts_and_mirrored_slopes_do():
    slope = torch.arange(12.0)[None, :] + torch.arange(12.0)[:, None]
    image = slope[None, None] / 22
    encoder = HogEncoder(PARAMETERS, (12, 12))
    plain, faint, mirrored = (encoder(x) for x in (image, image / 2, image.flip(-1)))
    torch.testing.assert_close(faint, plain, atol=0.05, rtol=0)
    assert (mirrored - plain).abs().max() > 0.3


def test_of_colors_the_one_with_the_largest_gradient_counts():
    gray = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    color = torch.cat([gray / 3, gray, gray / 2], 1)
    for found, expected in zip(gradients(color), gradients(gray), strict=True):
        torch.testing.assert_close(found, expected)


def test_images_smaller_than_a_block_are_refused():
    with pytest.raises(InputError, match=r"hog.cell_size is 7, .* images of 14 pixels, .* have 12"):
        EncoderWeights.of_untrained(HogParameters(cell_size=7), np.zeros((1, 12, 12), np.uint8))


def test_they_are_embedded_whitened_and_stored_as_an_encoder_is(images):
    weights = EncoderWeights.of_untrained(PARAMETERS, images)
    plain = np.stack([described_in_loops(image / 255, 4, 3).transpose(2, 0, 1) for image in images])
    np.testing.assert_allclose(
        embed(images, weights, EMBEDDING), plain.reshape(64, -1), atol=1e-5, rtol=0
    )
    check_whitened_and_stored(images, weights, max_grid_size=9)


def test_larger_pictures_are_averaged_down_first():
    pictures = np.random.default_rng(0).integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    small = pictures.reshape(5, 12, 2, 12, 2, 3).mean((2, 4)).round().astype(np.uint8)
    large = EncoderWeights.of_untrained(HogParameters(image_size=12, cell_size=3), pictures)
    same = EncoderWeights.of_untrained(HogParameters(cell_size=3), small)
    np.testing.assert_allclose(
        embed(pictures, large, EMBEDDING), embed(small, same, EMBEDDING), atol=0.02
    )
