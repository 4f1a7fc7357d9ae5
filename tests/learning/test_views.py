import math

import numpy as np
import pytest
import torch
from torch import Generator

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning import views
from fashion_mocluster.learning.parameters import ViewParameters

FULL = ViewParameters(
    crop_scale={"low": 0.2, "high": 1},
    aspect_ratio={"low": 0.75, "high": 1.333},
    rotation_degrees=30,
    flip_probability=0.5,
    brightness={"low": 0.5, "high": 1.5},
    gamma={"low": 0.5, "high": 2},
    blur_kernel=5,
    noise_std=15,
)


@pytest.fixture
def batch():
    return torch.rand(6, 1, 14, 10, generator=Generator().manual_seed(0))


def generator(seed=0):
    return Generator().manual_seed(seed)


def test_no_change_asked_is_no_change(batch):
    query, key = views.query_and_key_views(batch, ViewParameters(), generator())
    torch.testing.assert_close(query, batch, atol=1e-5, rtol=0)
    torch.testing.assert_close(key, batch, atol=1e-5, rtol=0)


@pytest.mark.parametrize("resample_twice", [False, True])
@pytest.mark.parametrize("key_view", ["independent", "sobel"])
def test_shape_range_and_repeatability(batch, resample_twice, key_view):
    p = FULL.model_copy(update={"key_view": key_view})
    first = views.query_and_key_views(batch, p, generator(), resample_twice)
    again = views.query_and_key_views(batch, p, generator(), resample_twice)
    other = views.query_and_key_views(batch, p, generator(1), resample_twice)
    for a, b, c in zip(first, again, other, strict=True):
        assert a.shape == batch.shape
        assert a.min() >= 0
        assert a.max() <= 1
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_every_image_of_a_batch_is_changed_in_its_own_way():
    same = torch.rand(1, 1, 16, 16).expand(8, -1, -1, -1)
    query, _ = views.query_and_key_views(same, FULL, generator())
    assert len({tuple(image.flatten().tolist()) for image in query}) == 8


def test_flip_is_a_mirror_image(batch):
    flipped = views.geometric(batch, ViewParameters(flip_probability=1), generator())
    torch.testing.assert_close(flipped, batch.flip(-1), atol=1e-5, rtol=0)


def test_crop_reads_the_part_it_should():
    """A crop of a quarter of the area magnifies by two: a ramp keeps half its slope."""
    ramp = torch.arange(32.0).view(1, 1, 1, 32).expand(4, 1, 32, 32) / 32
    p = ViewParameters(crop_scale={"low": 0.25, "high": 0.25})
    slope = views.geometric(ramp, p, generator()).diff(dim=-1)[..., 8:24]
    torch.testing.assert_close(slope, torch.full_like(slope, 0.5 / 32), atol=1e-4, rtol=0)


def test_rotation_keeps_distances_on_an_oblong_image():
    """A disc stays a disc of the same size about the center."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    disc = (
        (((y - 9.5) ** 2 + (x - 19.5) ** 2) < 36).float().view(1, 1, 20, 40).expand(5, -1, -1, -1)
    )
    turned = views.geometric(disc, ViewParameters(rotation_degrees=90), generator())
    assert ((turned > 0.5) != (disc > 0.5)).float().mean() < 0.01


def test_shift_moves_at_most_as_far_as_allowed():
    image = torch.zeros(50, 1, 40, 40)
    image[:, :, 20, 20] = 1
    moved = views.geometric(image, ViewParameters(translate=0.1), generator())
    y, x = np.nonzero(moved.amax(0)[0].numpy() > 0.2)
    assert max(abs(y - 20).max(), abs(x - 20).max()) in (3, 4)


def test_sobel_against_a_plain_loop(batch):
    image = batch[0, 0].numpy()
    padded = np.pad(image, 1, mode="reflect")
    kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    expected = np.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            window = padded[i : i + 3, j : j + 3]
            expected[i, j] = min(1, math.hypot((window * kernel).sum(), (window * kernel.T).sum()))
    actual = views.sobel_magnitude(batch)[0, 0].numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_blur_against_a_plain_loop(batch):
    sigma = torch.linspace(0.3, 2, len(batch))
    blurred = views.gaussian_blur(batch, sigma, 5)
    offsets = np.arange(-2, 3)
    for b in (0, 5):
        weights = np.exp(-0.5 * (offsets / sigma[b].item()) ** 2)
        kernel = np.outer(weights, weights) / weights.sum() ** 2
        padded = np.pad(batch[b, 0].numpy(), 2, mode="reflect")
        for i, j in ((0, 0), (7, 3), (13, 9)):
            expected = (padded[i : i + 5, j : j + 5] * kernel).sum()
            assert blurred[b, 0, i, j].item() == pytest.approx(expected, abs=1e-6)


def test_a_kernel_that_reaches_over_the_whole_image_is_refused(batch):
    sigma = torch.ones(len(batch))
    assert views.gaussian_blur(batch, sigma, 19).shape == batch.shape
    with pytest.raises(
        InputError, match="blur_kernel is 21 .* but the images have 10.* 19 at most"
    ):
        views.gaussian_blur(batch, sigma, 21)


def test_sobel_key_shares_the_geometry_of_the_query(batch):
    p = ViewParameters(crop_scale={"low": 0.3, "high": 0.6}, rotation_degrees=30, key_view="sobel")
    query, key = views.query_and_key_views(batch, p, generator())
    torch.testing.assert_close(key, views.sobel_magnitude(query))


@pytest.fixture
def color():
    """Color images, one of them gray and one with equal largest channels."""
    x = torch.rand(6, 3, 14, 10, generator=Generator().manual_seed(0))
    x[1] = x[1, :1]
    x[2, 1] = x[2, 0]
    return x


def factor(low, high, count=6):
    """The values that the views draw first from a generator."""
    return low + (high - low) * torch.rand(count, generator=generator())


@pytest.fixture
def torchvision():
    """Its functions for color, imported where they are needed, for that takes seconds."""
    from torchvision.transforms.v2 import functional

    return functional


@pytest.mark.parametrize("parameter", ["contrast", "saturation"])
def test_contrast_and_saturation_against_torchvision(color, parameter, torchvision):
    reference = getattr(torchvision, f"adjust_{parameter}")
    p = ViewParameters(**{parameter: {"low": 0.4, "high": 1.6}})
    actual = views.photometric(color, p, generator())
    for image, x, f in zip(color, actual, factor(0.4, 1.6), strict=True):
        torch.testing.assert_close(x, reference(image, f.item()), atol=1e-5, rtol=0)


@pytest.mark.parametrize("parameter", ["brightness", "gamma", "contrast", "saturation"])
def test_a_constant_factor_is_applied_to_every_image(color, parameter, torchvision):
    p = ViewParameters(**{parameter: {"low": 0.5, "high": 0.5}})
    expected = getattr(torchvision, f"adjust_{parameter}")(color, 0.5)
    actual = views.photometric(color, p, generator())
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_factors_of_1_draw_nothing(color):
    unused = generator()
    assert torch.equal(views.photometric(color, ViewParameters(), unused), color)
    assert torch.equal(unused.get_state(), generator().get_state())


def test_hue_against_torchvision(color, torchvision):
    actual = views.photometric(color, ViewParameters(hue=0.4), generator())
    for image, x, shift in zip(color, actual, factor(-0.4, 0.4), strict=True):
        torch.testing.assert_close(
            x, torchvision.adjust_hue(image, shift.item()), atol=1e-4, rtol=0
        )


def test_lost_color_leaves_the_luma_that_torchvision_gives(color, torchvision):
    actual = views.photometric(color, ViewParameters(gray_probability=0.5), generator())
    for image, x, u in zip(color, actual, factor(0, 1), strict=True):
        expected = torchvision.rgb_to_grayscale(image, 3) if u < 0.5 else image
        torch.testing.assert_close(x, expected, atol=1e-6, rtol=0)


def test_channels_of_an_image_share_its_geometry_and_blur(color):
    """Each channel is changed as a gray image of its own would be by the same draws."""
    p = FULL.model_copy(update={"noise_std": 0})
    together = views.view(color, p, generator())
    for channel in range(3):
        alone = views.view(color[:, channel : channel + 1], p, generator())
        torch.testing.assert_close(together[:, channel : channel + 1], alone)
    one, other = views.sobel_magnitude(color), views.sobel_magnitude(color[:, 2:])
    torch.testing.assert_close(one[:, 2:], other)


def test_gray_images_draw_nothing_for_colors(batch):
    p = ViewParameters(noise_std=9, saturation={"low": 0, "high": 2}, hue=0.5, gray_probability=1)
    plain = ViewParameters(noise_std=9)
    actual, expected = (views.view(batch, q, generator()) for q in (p, plain))
    assert torch.equal(actual, expected)
