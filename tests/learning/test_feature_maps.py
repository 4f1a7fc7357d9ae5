import pytest
import torch
import torch.nn.functional as F

from fashion_mocluster.learning.feature_maps import Readout, flatten_feature_map
from fashion_mocluster.learning.weights import EncoderWeights, WeightsError
from tests.learning.stores import weights_of


@pytest.fixture
def encoder():
    return weights_of(size=(12, 10), widths=[3, 4]).build()


@pytest.fixture
def x():
    return torch.rand(5, 1, 12, 10, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_the_map_is_that_of_the_stage_at_unit_length(encoder, x):
    first = encoder.layer1(F.relu(encoder.bn1(encoder.conv1(x))))
    for stage, expected in ((1, first), (2, encoder.layer2(first))):
        assert expected.shape[1:] == encoder.map_shape(stage)
        z = flatten_feature_map(encoder, x, stage, max_grid_size=99, flip_tta=False)
        for row, one in zip(z, expected, strict=True):
            torch.testing.assert_close(row, one.flatten() / one.norm())


@torch.no_grad()
def test_a_larger_map_is_averaged_to_the_grid(encoder, x):
    maps = encoder.feature_map(x, 1)
    z = flatten_feature_map(encoder, x, 1, max_grid_size=2, flip_tta=False)
    assert z.shape == (5, 3 * 2 * 2)
    quarters = [maps[:, :, a : a + 6, b : b + 5].mean((2, 3)) for a in (0, 6) for b in (0, 5)]
    expected = torch.stack(quarters, 2).flatten(1)
    torch.testing.assert_close(z, F.normalize(expected, dim=1))


@torch.no_grad()
@pytest.mark.parametrize("max_grid_size", [99, 3])
def test_the_map_of_a_mirrored_image_is_the_mirrored_map(encoder, x, max_grid_size):
    z = flatten_feature_map(encoder, x, 2, max_grid_size, flip_tta=True)
    mirrored = flatten_feature_map(encoder, x.flip(-1), 2, max_grid_size, flip_tta=True)
    shape = (5, 4, *(min(size, max_grid_size) for size in encoder.map_shape(2)[1:]))
    torch.testing.assert_close(mirrored.view(shape), z.view(shape).flip(-1))
    plain, other = (
        flatten_feature_map(encoder, v, 2, max_grid_size, flip_tta=False) for v in (x, x.flip(-1))
    )
    expected = plain + other.view(shape).flip(-1).flatten(1)
    torch.testing.assert_close(z, F.normalize(expected, dim=1))


@torch.no_grad()
def test_a_readout_is_linear_in_the_map(encoder, x):
    readout = Readout(2, 2, True, torch.rand(16), torch.rand(16, 3))
    z = flatten_feature_map(encoder, x, 2, 2, flip_tta=True)
    rows = [[sum((row - readout.mean) * column) for column in readout.matrix.T] for row in z]
    expected = F.normalize(torch.tensor(rows), dim=1)
    torch.testing.assert_close(readout(encoder, x), expected)


@torch.no_grad()
def test_the_encoder_may_be_coarse_but_the_readout_is_not(encoder, x):
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(16, 3, generator=generator) * 1e3
    with torch.autocast("cpu", torch.bfloat16):
        z = flatten_feature_map(encoder, x, 2, 2, flip_tta=False)
        found = Readout(2, 2, False, z.mean(0), matrix)(encoder, x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, F.normalize((z - z.mean(0)) @ matrix, dim=1))


def content(**changes):
    weights = weights_of(size=(12, 10), widths=[3, 4]).to_dict()
    readout = {"stage": 2, "max_grid_size": 2, "flip_tta": True, "mean": torch.rand(16)}
    readout["matrix"] = torch.rand(16, 3)
    whole = {**weights, "format": 3, "origin": "some/file.pt"}
    return {**whole, "readout": {**readout, **changes}}


def test_weights_keep_their_readout():
    whole = content()
    written = EncoderWeights.from_dict(whole).to_dict()
    assert written["format"] == 3
    back = EncoderWeights.from_dict(written)
    back.check()
    for name, value in whole["readout"].items():
        assert torch.equal(torch.as_tensor(getattr(back.readout, name)), torch.as_tensor(value))
    del whole["readout"]
    plain = EncoderWeights.from_dict({**whole, "format": 3})
    assert plain.readout is None
    assert plain.to_dict()["format"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stage": 3}, "readout.stage is 3, the encoder has 2 stages"),
        ({"stage": "2"}, "readout.stage is '2'"),
        ({"max_grid_size": 0}, "readout.max_grid_size is 0"),
        ({"flip_tta": 1}, "readout.flip_tta is 1"),
        ({"max_grid_size": 3}, r"readout.mean has shape \(16,\), expected \(36,\)"),
        ({"mean": [0.0] * 16}, "readout.mean: expected a float32 tensor"),
        (
            {"matrix": torch.zeros(16, 3, dtype=torch.int64)},
            "readout.matrix: expected a float32 tensor",
        ),
        ({"mean": torch.full((16,), torch.nan)}, "readout.mean holds NaN"),
        (
            {"matrix": torch.zeros(5, 3)},
            r"readout.matrix has shape \(5, 3\), expected \(16, 1 or more\)",
        ),
        ({"matrix": torch.zeros(16, 0)}, r"readout.matrix has shape \(16, 0\)"),
        ({"matrix": torch.zeros(16)}, r"readout.matrix has shape \(16,\)"),
        ({"more": 1}, "malformed.*more"),
    ],
)
def test_a_readout_that_does_not_fit_is_refused_with_its_file(changes, message):
    with pytest.raises(WeightsError, match=f"some/file.pt.*{message}"):
        EncoderWeights.from_dict(content(**changes)).build()
