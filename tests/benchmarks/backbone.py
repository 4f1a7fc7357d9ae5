"""Features of the pretrained network, against a plain loop over timm's own parts."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import timm
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fashion_mocluster.cost import measure
from fashion_mocluster.learning.backbone import (
    embed_with_backbone,
    load_backbone,
    network_input,
    pooled,
)
from fashion_mocluster.learning.parameters import BackboneParameters
from tests.benchmarks.side_by_side import Result, time_side_by_side
from tests.benchmarks.size import Size

PLAIN_BATCH = 64


def backbone_areas(parameters: BackboneParameters, size: Size) -> Iterator[Result]:
    """One result per area, on pictures of noise as large as ``photos`` reads them."""
    count = size.pictures
    images = np.random.default_rng(0).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
    network = load_backbone(parameters)
    input_size = network.pretrained_cfg["input_size"][-1]

    def ours() -> np.ndarray:
        return embed_with_backbone(images, parameters)

    timing = {"n": count, "rounds": size.rounds, "unit": "ms/image", "scale": 1000 / count}
    yield time_side_by_side(
        "Features of the backbone",
        ours=("batches of the array", ours),
        against=("timm's transform and model, batches of 64", lambda: plain(parameters, images)),
        **timing,
    )
    (_, theirs), (_, mine) = measure(lambda: plain(parameters, images)), measure(ours)
    yield Result(
        "Features of the backbone, memory",
        *("batches of the array", "timm's transform and model, batches of 64", count),
        *(round(mine.memory_mb, 1), round(theirs.memory_mb, 1), "MB"),
        round(theirs.memory_mb / max(mine.memory_mb, 1), 2),
        "one run",
    )
    batches = [
        network_input(
            images[start : start + parameters.batch_size], input_size, network.pretrained_cfg
        )
        for start in range(0, count, parameters.batch_size)
    ]
    network = network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def alone() -> None:
        for batch in batches:
            pooled(network, batch, parameters.pooling)

    result = time_side_by_side(
        "Features of the backbone",
        ours=("batches of the array", ours),
        against=("the network alone, on tensors that are ready", alone),
        **timing,
    )
    yield replace(result, area="Features of the backbone, what reading and loading add")


@torch.inference_mode()
def plain(parameters: BackboneParameters, images: np.ndarray) -> np.ndarray:
    """As timm's documentation shows it; the weights make no difference to the time."""
    model = timm.create_model(parameters.name, num_classes=0).eval()
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    loader = DataLoader(
        images,
        PLAIN_BATCH,
        collate_fn=lambda batch: torch.stack(
            [transform(Image.fromarray(image)) for image in batch]
        ),
    )
    return torch.cat([model(batch) for batch in loader]).numpy()
