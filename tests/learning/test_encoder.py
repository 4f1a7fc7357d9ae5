from pathlib import Path

import pytest
import torch

from fashion_mocluster.learning.encoder import Encoder, PointwiseConv, build_encoder
from fashion_mocluster.learning.parameters import EncoderParameters

THESIS = EncoderParameters(
    blocks=[5, 5, 5],
    widths=[16, 32, 64],
    pooling="flatten",
    embedding_dim=128,
    normalize_embedding=True,
    projection_hidden=128,
    projection_dim=128,
)
REFERENCE = Path(__file__).parents[3] / "shared" / "reference"


def test_state_dict_has_the_layout_of_the_published_scripts():
    names = set(Encoder(THESIS, (28, 28)).state_dict())
    assert len(names) == 204
    assert {"conv1.weight", "layer3.4.bn2.running_var", "layer2.0.shortcut.1.bias"} <= names
    assert {"linear.weight", "projector.mlp.0.bias", "projector.mlp.2.weight"} <= names
    assert not any(name.startswith("layer1.0.shortcut") for name in names)


@pytest.mark.parametrize("name", ["encoder_q_best.pt", "encoder_spectral_best.pt"])
def test_published_weights_load(name):
    path = REFERENCE / name
    if not path.exists():
        pytest.skip("the published weight files are not beside the project")
    state = torch.load(path, map_location="cpu", weights_only=True)
    bare = {"projection_hidden": None, "projection_dim": None}
    with_head = "projector.mlp.0.weight" in state
    parameters = THESIS if with_head else THESIS.model_copy(update=bare)
    Encoder(parameters, (28, 28)).load_state_dict(state)


@pytest.mark.parametrize("size", [(28, 28), (12, 20), (7, 9), (33, 17)])
@pytest.mark.parametrize("pooling", ["average", "flatten"])
@pytest.mark.parametrize("stem_stride", [1, 2, 4])
def test_any_image_size_gives_the_promised_dimensions(size, pooling, stem_stride):
    parameters = EncoderParameters(
        blocks=[1, 1, 1],
        widths=[2, 4, 6],
        pooling=pooling,
        stem_stride=stem_stride,
        projection_hidden=5,
        projection_dim=3,
    )
    encoder = Encoder(parameters, size)
    x = torch.rand(2, 1, *size)
    assert encoder.feature_map(x, 2).shape[1:] == encoder.map_shape(2)
    assert encoder(x).shape == (2, encoder.representation_dim)
    assert encoder.project(x).shape == (2, 3)


def test_embeddings_are_unit_vectors_where_asked():
    x = torch.rand(3, 1, 28, 28)
    lengths = build_encoder(THESIS, (28, 28), 0)(x).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3))


def test_without_residual_connections_a_dead_block_passes_nothing_on():
    x = torch.rand(2, 1, 8, 8)
    for residual, alive in ((True, True), (False, False)):
        parameters = EncoderParameters(blocks=[2], widths=[4], residual=residual)
        encoder = build_encoder(parameters, (8, 8), 0).eval()
        block = encoder.layer1[1]
        torch.nn.init.zeros_(block.bn2.weight)
        torch.nn.init.zeros_(block.bn2.bias)
        assert bool((encoder(x) != 0).any()) is alive


def test_weights_depend_on_the_seed_alone():
    first = build_encoder(THESIS, (28, 28), 5)
    torch.rand(100)
    second, other = (build_encoder(THESIS, (28, 28), seed) for seed in (5, 6))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.conv1.weight, other.conv1.weight)


def test_building_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    build_encoder(THESIS, (28, 28), 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("channels", [4, 16])
def test_pointwise_convolution_is_the_strided_one(channels):
    """25 images of 4 channels in channels-last layout are what oneDNN's own crashes at."""
    x = torch.rand(25, channels, 13, 28, generator=torch.Generator().manual_seed(0))
    pointwise = PointwiseConv(channels, 8, 1, 2, bias=False)
    plain = torch.einsum("bchw,oc->bohw", x[:, :, ::2, ::2], pointwise.weight[:, :, 0, 0])
    out = pointwise(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(out, plain)
    weights = torch.rand(plain.shape, generator=torch.Generator().manual_seed(1))
    (expected,) = torch.autograd.grad((plain * weights).sum(), pointwise.weight)
    (found,) = torch.autograd.grad((out * weights).sum(), pointwise.weight)
    # Each is a sum of 2,275 products in an order that depends on the processor; a wrong one is far off.
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
