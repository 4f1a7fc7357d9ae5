import pytest
import torch

from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.external_weights import read_state_dict
from fashion_mocluster.learning.parameters import EncoderParameters, PreprocessingParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import WeightsError

HEAD = {"projection_hidden": 7, "projection_dim": 5}
TENSORS = {"blocks": [2, 1, 3], "widths": [3, 4, 6], "normalize_embedding": True}


def read(state, image_size=(12, 20)):
    return read_state_dict(
        state, PreprocessingParameters(), PixelStatistics(1, 2), image_size, "some/file.pt"
    )


@pytest.mark.parametrize(
    "architecture",
    [
        TENSORS,
        {**TENSORS, "residual": False},
        {**TENSORS, "embedding_dim": 9},
        {**TENSORS, **HEAD},
        {**TENSORS, **HEAD, "projection_batchnorm": True, "embedding_dim": 9},
        {**TENSORS, **HEAD, "pooling": "flatten", "embedding_dim": 9},
        {**TENSORS, "pooling": "flatten", "embedding_dim": 9, "stem_stride": 2},
        {"blocks": [1], "widths": [3], "normalize_embedding": True},
    ],
)
def test_the_architecture_is_read_back_from_the_tensors(architecture):
    encoder = build_encoder(EncoderParameters(**architecture), (12, 20), 0).eval()
    weights = read(encoder.state_dict())
    assert weights.encoder == encoder.parameters_used
    x = torch.rand(2, 1, 12, 20)
    assert torch.equal(weights.build()(x), encoder(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("conv1.weight"), "conv1.weight is missing"),
        (lambda s: s.update({"conv1.weight": torch.zeros(3, 3, 3, 3)}), "conv1.weight takes 3 ch"),
        (lambda s: s.update({"conv1.weight": 7}), "conv1.weight should have 4 dim.* found int"),
        (lambda s: s.pop("layer2.0.bn1.weight"), "layer2.0.bn1.weight is missing"),
        (lambda s: s.update(extra=torch.zeros(1)), "extra is not part of it"),
        (lambda s: s["linear.bias"].fill_(float("nan")), "linear.bias holds NaN"),
        (lambda s: s.update({"linear.weight": torch.zeros(9, 7)}), "linear.weight takes 7 feat"),
        (lambda s: s.pop("projector.mlp.2.weight"), "projector.mlp.2.weight is missing"),
        (lambda s: s.clear(), "conv1.weight is missing"),
    ],
)
def test_tensors_that_fit_no_encoder_are_named_with_their_file(change, message):
    architecture = {**TENSORS, **HEAD, "pooling": "flatten", "embedding_dim": 9}
    state = build_encoder(EncoderParameters(**architecture), (12, 20), 0).state_dict()
    change(state)
    with pytest.raises(WeightsError, match=f"some/file.pt: .*{message}"):
        read(state)


def test_another_image_size_is_said_to_be_the_cause():
    architecture = {**TENSORS, "pooling": "flatten", "embedding_dim": 9}
    state = build_encoder(EncoderParameters(**architecture), (28, 28), 0).state_dict()
    with pytest.raises(WeightsError, match=r"linear.weight takes 294 .*images of 12 x 20"):
        read(state)
