import numpy as np
import pytest
import torch

from fashion_mocluster.learning.parameters import PreprocessingParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics, normalize, to_unit_interval

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
