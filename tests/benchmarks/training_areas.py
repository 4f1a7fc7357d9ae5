"""Pretraining and finetuning, against the plain way of doing them and against their limits."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import torch
from torch import nn

from fashion_mocluster.cost import measure
from fashion_mocluster.learning.device import dtype_name
from fashion_mocluster.learning.parameters import BaseFinetuningParameters, MocoParameters
from fashion_mocluster.learning.weights import EncoderWeights
from tests.benchmarks import training
from tests.benchmarks.plain_moco import LightlyMoco, PlainMoco, plain_default, plain_resnet32
from tests.benchmarks.side_by_side import Result, growth, time_side_by_side
from tests.benchmarks.size import Size

# Seconds of an epoch of 10,000 images on an RTX 4090, from the thesis.
PUBLISHED_EPOCH_S = 13.66
# What the full graph of 10,000 images needs in the thesis; it is quadratic in the images.
FULL_GRAPH_BYTES = 19e9


def training_areas(
    images: np.ndarray,
    many: np.ndarray | None,
    thesis: MocoParameters,
    default: MocoParameters,
    finetuning: BaseFinetuningParameters,
    pretrained: EncoderWeights,
    size: Size,
) -> Iterator[Result]:
    """One result per area.

    Args:
        images: uint8 (size.images, 28, 28), of Fashion-MNIST.
        many: uint8 (70000, 28, 28), or None if they are not at hand.
        thesis: Recipe of the environment of this name.
        default: Recipe of base.
        finetuning: That of base which assigns clusters by k-means.
        pretrained: Where it starts.
        size: How much is measured.
    """
    yield from step_areas("ResNet-32", images, thesis, plain_resnet32, size)
    yield from step_areas("default encoder", images, default, plain_default, size)
    yield epoch(images, thesis)
    few = images[: size.batch]
    yield growth(
        "MoCo training step, growth over queue lengths",
        {n: step_seconds(few, with_queue(thesis, n)) for n in size.queues},
        "nothing to gain",
        1.0,
    )
    yield growth(
        "MoCo training step, growth over widths",
        {n: step_seconds(few, with_width(thesis, n)) for n in size.widths},
        "arithmetic, quadratic",
        2.0,
    )
    yield growth(
        "MoCo epoch of the default, growth over images",
        {
            n: training.epoch_seconds(images[:n], training.small_batches(default, n))[0]
            for n in size.fractions
        },
        "linear",
        1.0,
    )
    yield from finetuning_areas(images, pretrained, finetuning)
    if many is not None:
        yield finetuning_memory(many[:60_000], pretrained, finetuning)


def with_queue(recipe: MocoParameters, length: int) -> MocoParameters:
    """The recipe with another length of the queue."""
    contrast = recipe.contrast.model_copy(update={"queue_size": length})
    return recipe.model_copy(update={"contrast": contrast})


def with_width(recipe: MocoParameters, width: int) -> MocoParameters:
    """The recipe with another width of the first stage; it doubles with each stage."""
    widths = [width, 2 * width, 4 * width]
    encoder = recipe.encoder.model_copy(update={"widths": widths})
    return recipe.model_copy(update={"encoder": encoder})


def step_seconds(images: np.ndarray, recipe: MocoParameters) -> float:
    """Median seconds of a training step on all images, after a warm-up."""
    work, times = training.step(training.pretraining(images, recipe), len(images)), []
    for _ in range(6):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[1:]))


def step_areas(
    name: str,
    images: np.ndarray,
    recipe: MocoParameters,
    plain_encoder: Callable[[], nn.Module],
    size: Size,
) -> Iterator[Result]:
    """A step of one encoder against four others; where the processor computes with bfloat16, ours and
    the encoders alone do.

    Args:
        plain_encoder: Makes the same encoder for the steps of others.
    """
    run, few = training.pretraining(images, recipe), images[: size.batch]
    ours = (f"batched views, {dtype_name(run.precision)}", training.step(run, size.batch))
    against: list[tuple[str, Callable[[], object]]] = [
        ("the plain way: PIL views one by one", PlainMoco(few, plain_encoder()).step),
        ("the encoders alone on ready tensors", training.encoders_alone(run, size.batch)),
        training.arithmetic_alone(run, size.batch),
    ]
    try:
        lightly = LightlyMoco(few, plain_encoder()).step
        against.insert(1, ("lightly's parts, torchvision views", lightly))
    except ImportError:
        print("lightly is not installed, so nothing is measured against it (pip install lightly)")
    for other in against:
        yield time_side_by_side(
            *(f"MoCo training step, {name}", size.batch, ours, other),
            rounds=size.rounds,
            unit="ms/image",
            scale=1000 / size.batch,
        )


def epoch(images: np.ndarray, recipe: MocoParameters) -> Result:
    """One epoch of the thesis's recipe, against the published time for as many images."""
    ours = training.epoch_seconds(images, training.small_batches(recipe, len(images)))[0]
    published = PUBLISHED_EPOCH_S * len(images) / 10_000
    return Result(
        *("MoCo epoch, ResNet-32", "this machine", "published, RTX 4090", len(images)),
        *(round(ours, 2), round(published, 2), "s", round(published / ours, 2), "one run"),
    )


def finetuning_areas(
    images: np.ndarray, pretrained: EncoderWeights, parameters: BaseFinetuningParameters
) -> Iterator[Result]:
    """Gradients, memory and time of a full-batch step against the full graph."""
    needed = FULL_GRAPH_BYTES * (len(images) / 10_000) ** 2
    if psutil.virtual_memory().available < 1.1 * needed:
        images = images[: len(images) // 2]
        print(f"too little memory for the full graph: {len(images)} images are used")
    labels = torch.arange(len(images)) % 10
    ways = {
        "batch by batch, exact gradients": training.batched_gradient,
        "full graph, as the original": training.full_graph_gradient,
    }
    training.batched_gradient(training.finetuning(images, pretrained, parameters), labels)
    costs, gradients = [], []
    for way in ways.values():
        run = training.finetuning(images, pretrained, parameters)
        _, cost = measure(lambda w=way, r=run: w(r, labels))
        costs.append(cost)
        gradients.append(training.gradient_of(run))
    difference = float((gradients[0] - gradients[1]).norm() / gradients[1].norm())
    names = list(ways)
    names[1] += f", gradients differ by {difference:.0e}"
    for what, values, unit in (
        ("time", [c.time_s for c in costs], "s"),
        ("memory", [c.memory_mb for c in costs], "MB"),
    ):
        ours, theirs = (round(value, 2) for value in values)
        yield Result(
            *(f"Finetuning step, {what}", *names, len(images), ours, theirs, unit),
            *(round(values[1] / max(values[0], 1e-9), 2), "one run"),
        )


def finetuning_memory(
    images: np.ndarray, pretrained: EncoderWeights, parameters: BaseFinetuningParameters
) -> Result:
    """Memory of a whole step at 60,000 images, from the empty process."""
    labels = torch.arange(len(images)) % 10

    def whole() -> None:
        training.batched_gradient(training.finetuning(images, pretrained, parameters), labels)

    _, cost = measure(whole)
    return Result(
        *("Finetuning step, memory", f"batch by batch, {cost.time_s:.0f} s", "goal", len(images)),
        *(round(cost.memory_mb), 4096, "MB", round(4096 / cost.memory_mb, 2), "one run"),
    )
