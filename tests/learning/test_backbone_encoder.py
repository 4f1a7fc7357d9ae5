import logging

import numpy as np
import pytest
import torch

from fashion_mocluster.learning.backbone import embed_with_backbone
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import BackboneParameters, EmbeddingParameters
from fashion_mocluster.learning.weights import EncoderWeights, WeightsError
from tests.conftest import CPU
from tests.learning.whitened import check_whitened_and_stored

# timm is imported for seconds in each process, so one process gets them all.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backbone")]

EMBEDDING = EmbeddingParameters(compute=CPU)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """timm's small residual network for tests, with random weights in a file."""
    import timm

    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.save(timm.create_model("test_resnet").state_dict(), file)
    return BackboneParameters(
        name="test_resnet",
        weights=str(file),
        image_size=32,
        pooling="gem",
        flip_tta=False,
        compute=CPU,
    )


@pytest.fixture(scope="module")
def pictures():
    """24 color images of 48 x 48: noise, each of one of three tints."""
    rng = np.random.default_rng(0)
    tint = np.repeat([(1, 0.3, 0.3), (0.3, 1, 0.3), (0.3, 0.3, 1)], 8, axis=0)[:, None, None]
    return (rng.integers(0, 256, (24, 48, 48, 3)) * tint).astype(np.uint8)


@pytest.fixture
def weights(recipe, pictures):
    return EncoderWeights.of_untrained(recipe, pictures)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.ERROR)  # few images collapse, and say so


@pytest.mark.parametrize("pooling", ["gem", "network"])
@pytest.mark.parametrize("gray", [False, True])
def test_it_makes_the_representation_backbone(recipe, pictures, pooling, gray):
    p = recipe.model_copy(update={"pooling": pooling})
    images = pictures[..., 0] if gray else pictures
    weights = EncoderWeights.of_untrained(p, images)
    expected = embed_with_backbone(images, p)
    np.testing.assert_allclose(embed(images, weights, EMBEDDING), expected, atol=1e-4)


def test_the_weights_are_read_back_from_tensors_and_plain_values(weights, pictures):
    content = weights.to_dict()
    content["encoder"]["trained_groups"] = 1  # as earlier versions stored it
    same = EncoderWeights.from_dict(content)
    np.testing.assert_array_equal(
        embed(pictures, same, EMBEDDING), embed(pictures, weights, EMBEDDING)
    )
    del content["state"]["network.conv1.0.weight"]
    with pytest.raises(WeightsError, match=r"network\.conv1\.0\.weight is missing"):
        EncoderWeights.from_dict(content).build()


def test_maps_have_the_shape_that_is_said(weights):
    encoder = weights.build()
    x = torch.rand(2, 3, 48, 48)
    for stage in range(1, encoder.stages + 1):
        assert encoder.feature_map(x, stage).shape[1:] == encoder.map_shape(stage)


def test_its_maps_are_whitened_by_a_readout_that_is_stored_with_the_weights(weights, pictures):
    check_whitened_and_stored(pictures, weights, max_grid_size=2, stage=5)
