"""State dicts as the thesis's scripts saved them: the architecture follows from the tensors."""

from typing import Any

from torch import Tensor

from fashion_mocluster.learning.encoder import map_size
from fashion_mocluster.learning.parameters import EncoderParameters, PreprocessingParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights, WeightsError
from fashion_mocluster.wording import counted


def read_state_dict(
    state: dict[str, Any],
    preprocessing: PreprocessingParameters,
    statistics: PixelStatistics,
    image_size: tuple[int, int],
    origin: str,
) -> EncoderWeights:
    """The encoder that a state dict belongs to.

    Blocks, widths, residual connections, pooling and both heads follow from the tensors' names and
    shapes. As in the published scripts, the representation has unit length; the preprocessing is
    given.

    Args:
        image_size: Height and width of the images that it will encode.

    Raises:
        WeightsError: A tensor is missing, not part of any such encoder, misshapen, NaN or infinite.
    """
    try:
        encoder = _architecture(state, image_size)
    except WeightsError as error:
        raise WeightsError(f"{origin}: {error}") from None
    weights = EncoderWeights(
        dict(state), encoder, preprocessing, statistics, tuple(image_size), origin=origin
    )
    weights.check()
    return weights


def _architecture(state: dict[str, Any], image_size: tuple[int, int]) -> EncoderParameters:
    channels = _shape(state, "conv1.weight", 4)[1]
    if channels != 1:
        raise WeightsError(
            f"conv1.weight takes {counted(channels, 'channel')}; images here have one, gray"
        )
    blocks, widths = [], []
    while f"layer{len(blocks) + 1}.0.conv1.weight" in state:
        stage = f"layer{len(blocks) + 1}"
        widths.append(_shape(state, f"{stage}.0.conv1.weight", 4)[0])
        depth = 1
        while f"{stage}.{depth}.conv1.weight" in state:
            depth += 1
        blocks.append(depth)
    if not blocks:
        raise WeightsError("layer1.0.conv1.weight is missing; is it a residual network at all?")
    return EncoderParameters(
        blocks=blocks,
        widths=widths,
        # Only a stage that changes the size has a shortcut with weights; a single stage has none.
        residual=len(blocks) == 1 or "layer2.0.shortcut.0.weight" in state,
        normalize_embedding=True,
        **_representation(state, widths[-1], len(blocks), image_size),
        **_projection(state),
    )


def _representation(
    state: dict[str, Any], channels: int, stages: int, image_size: tuple[int, int]
) -> dict:
    """Pooling, stride of the stem and embedding dimension, from the size of the linear layer."""
    if "linear.weight" not in state:
        return {"pooling": "average"}
    embedding_dim, features = _shape(state, "linear.weight", 2)
    if features == channels:
        return {"pooling": "average", "embedding_dim": embedding_dim}
    for stem_stride in (1, 2):
        height, width = map_size(image_size, stem_stride, stages)
        if features == channels * height * width:
            return {
                "pooling": "flatten",
                "stem_stride": stem_stride,
                "embedding_dim": embedding_dim,
            }
    raise WeightsError(
        f"linear.weight takes {counted(features, 'feature')}, which images of {image_size[0]} x "
        f"{image_size[1]} do not give with {counted(channels, 'channel')} in the last "
        f"of {counted(stages, 'stage')}; were the weights trained on images of another size?"
    )


def _projection(state: dict[str, Any]) -> dict:
    if not any(name.startswith("projector.") for name in state):
        return {}
    hidden = _shape(state, "projector.mlp.0.weight", 2)[0]
    batchnorm = "projector.mlp.1.weight" in state
    last = "projector.mlp.3.weight" if batchnorm else "projector.mlp.2.weight"
    return {
        "projection_hidden": hidden,
        "projection_dim": _shape(state, last, 2)[0],
        "projection_batchnorm": batchnorm,
    }


def _shape(state: dict[str, Any], name: str, dimensions: int) -> tuple[int, ...]:
    tensor = state.get(name)
    if tensor is None:
        raise WeightsError(f"{name} is missing")
    if not isinstance(tensor, Tensor) or tensor.ndim != dimensions or 0 in tensor.shape:
        found = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        raise WeightsError(f"{name} should have {counted(dimensions, 'dimension')}, found {found}")
    return tuple(tensor.shape)
