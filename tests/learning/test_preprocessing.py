import numpy as np
import pytest
import torch

from fashion_mocluster.learning.parameters import PreprocessingParameters
from fashion_mocluster.learning.preprocessing import (
    PixelStatistics,
    normalize,
    shrink,
    to_unit_interval,
)

STATISTICS = PixelStatistics(mean=51, std=25.5)


def test_plain_input_is_divided_by_255():
    x = torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8)
    actual = to_unit_interval(x, PreprocessingParameters())
    torch.testing.assert_close(actual, torch.tensor([[[[0, 0.2], [0.4, 1]]]]))


def test_stretching_uses_each_images_own_range_and_whole_gray_levels():
    x = torch.tensor([[[10, 20], [25, 40]], [[7, 7], [7, 7]]], dtype=torch.uint8)
    actual = (
        (to_unit_interval(x, PreprocessingParameters(contrast_stretch=True)) * 255)
        .squeeze(1)
        .numpy()
    )
    np.testing.assert_allclose(actual[0], [[0, 85], [127, 255]], atol=1e-4)
    np.testing.assert_array_equal(actual[1], 0)


@pytest.mark.parametrize(
    ("how", "expected"), [("standardize", 3), ("unit", 0.5), ("subtract_raw_mean", -50.5)]
)
def test_normalization(how, expected):
    x = torch.full((1, 1, 2, 2), 0.5)
    actual = normalize(x, PreprocessingParameters(normalize=how), STATISTICS)
    torch.testing.assert_close(actual, torch.full_like(x, expected))


def test_color_comes_channels_first():
    x = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    actual = to_unit_interval(x, PreprocessingParameters())
    torch.testing.assert_close(actual, torch.tensor([0, 0.2, 1]).view(1, 3, 1, 1))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_larger_images_are_averaged_down(channels):
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 16, *channels), dtype=np.uint8)
    small = shrink(images, PreprocessingParameters(image_size=8))
    expected = images.reshape(300, 4, 2, 8, 2, *channels).mean((2, 4)).round()
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, expected)
    assert shrink(images, PreprocessingParameters(image_size=16)) is images
    assert shrink(images, PreprocessingParameters()) is images
