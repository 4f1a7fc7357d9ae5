import pytest
import torch

from fashion_mocluster.learning.weights import EncoderWeights, WeightsError
from tests.learning.stores import weights_of


@pytest.fixture
def weights():
    return weights_of(size=(8, 8), blocks=[1], widths=[3])


def test_round_trip(weights):
    back = EncoderWeights.from_dict(weights.to_dict())
    assert back.encoder == weights.encoder
    assert back.statistics == weights.statistics
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(back.build()(x), weights.build()(x))


def test_weights_from_before_there_were_color_images_are_gray(weights):
    content = weights.to_dict()
    del content["channels"], content["preprocessing"]["image_size"]
    back = EncoderWeights.from_dict(content)
    assert back.channels == 1
    assert torch.equal(back.build().conv1.weight, weights.build().conv1.weight)


def test_weights_are_a_copy(weights):
    encoder = weights.build()
    weights = EncoderWeights.of(encoder, weights.preprocessing, weights.statistics)
    with torch.no_grad():
        encoder.conv1.weight.zero_()
    assert weights.state["conv1.weight"].abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("format"), "no format number"),
        (lambda d: d.update(format=99), "format 99"),
        (lambda d: d.pop("encoder"), "malformed.*encoder"),
        (lambda d: d["encoder"].update(widht=3), r"malformed[\s\S]*widht"),
        (lambda d: d.update(statistics={"mean": 1}), "malformed.*std"),
        (lambda d: d.update(channels=2), "malformed.*channels is 2"),
    ],
)
def test_malformed_content_is_refused_with_its_file(weights, change, message):
    content = {**weights.to_dict(), "origin": "some/file.pt"}
    change(content)
    with pytest.raises(WeightsError, match=f"some/file.pt.*{message}"):
        EncoderWeights.from_dict(content)
