import numpy as np
import pytest
import torch

from fashion_mocluster.learning import backbone_reuse
from fashion_mocluster.learning.backbone_reuse import describe, image_digests, network_identity
from fashion_mocluster.learning.parameters import BackboneParameters

PRECISIONS = ("auto", "float32", "bfloat16")
RECIPE = BackboneParameters(name="tf_efficientnet_lite2")


@pytest.fixture
def embedded(monkeypatch):
    """How many images each call passed through the network, which tells their mean and the sum."""
    calls = []

    def embed(images, parameters, rows=None):
        chosen = images if rows is None else images[rows]
        calls.append(len(chosen))
        flat = chosen.reshape(len(chosen), -1).astype(np.float32)
        return np.c_[flat.mean(1), flat.sum(1)]

    monkeypatch.setattr(backbone_reuse, "embed_with_backbone", embed)
    return calls


def expected(images):
    flat = images.reshape(len(images), -1).astype(np.float32)
    return np.c_[flat.mean(1), flat.sum(1)]


def test_only_new_and_changed_images_pass_through_the_network(images, embedded, caplog):
    caplog.set_level("INFO")
    first, n_known = describe(images, RECIPE)
    assert (n_known, embedded, caplog.text) == (0, [64], "")
    later = np.concatenate([images[:2] // 2, images[:9:-1], images[:3]])
    found, n_known = describe(later, RECIPE, first)
    np.testing.assert_array_equal(found.features, expected(later))
    assert found.features.dtype == np.float32
    assert (n_known, embedded) == (57, [64, 2])
    assert "an earlier run has described 57 of 59 images already" in caplog.text
    assert describe(images, RECIPE, found)[1] == 57
    assert embedded == [64, 2, 7]
    describe(images[::-1], RECIPE, first)
    assert embedded == [64, 2, 7]


def test_copies_pass_through_the_network_once(images, embedded):
    copies = images[[3, 3, 5, 3]]
    np.testing.assert_array_equal(describe(copies, RECIPE)[0].features, expected(copies))
    assert embedded == [2]


@pytest.mark.parametrize("change", [{"image_size": 64}, {"pooling": "gem"}, {"weights": "hub"}])
def test_another_network_uses_nothing_again(images, embedded, change):
    first, _ = describe(images, RECIPE)
    other = RECIPE.model_copy(update=change)
    assert describe(images, other, first)[1] == 0
    assert embedded == [64, 64]


def test_what_changes_no_feature_changes_no_identity():
    one, other = (
        RECIPE.model_copy(update={"batch_size": n, "compute": in_precision("float32", threads=n)})
        for n in (1, 3)
    )
    assert network_identity(one) == network_identity(other)


def in_precision(precision, **changes):
    return RECIPE.compute.model_copy(update={"precision": precision, "device": "cpu", **changes})


def test_features_of_another_precision_are_told_apart_also_if_auto_chose_it(monkeypatch):
    recipes = {p: RECIPE.model_copy(update={"compute": in_precision(p)}) for p in PRECISIONS}
    for chosen in ("float32", "bfloat16"):
        bf16 = {"avx512_bf16": True, "amx_bf16": chosen == "bfloat16"}
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda bf16=bf16: bf16)
        identities = {p: network_identity(recipe) for p, recipe in recipes.items()}
        assert identities["auto"] == identities[chosen]
        assert identities["float32"] != identities["bfloat16"]


def test_weights_are_told_apart_by_their_content(tmp_path):
    found = []
    for content in ("one", "two", "one"):
        (tmp_path / "weights.pth").write_text(content)
        recipe = RECIPE.model_copy(update={"weights": str(tmp_path / "weights.pth")})
        found.append(network_identity(recipe))
    assert found[0] == found[2] != found[1]


def test_images_of_the_same_bytes_and_another_shape_are_others(images):
    assert image_digests(images) == image_digests(images.copy())
    assert not {*image_digests(images)} & {*image_digests(images.reshape(64, 8, 18))}
