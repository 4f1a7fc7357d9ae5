"""Pretraining and finetuning, against the plain way of doing them and against their limits."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from fashion_mocluster.cost import measure
from fashion_mocluster.learning.finetuning import FinetuningRun
from fashion_mocluster.learning.parameters import FinetuningParameters, MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining_run import PretrainingRun
from fashion_mocluster.learning.surrogate import surrogate_loss
from fashion_mocluster.learning.weights import EncoderWeights
from tests.benchmarks.plain_moco import LightlyMoco, PlainMoco
from tests.benchmarks.side_by_side import Result, growth, time_side_by_side

BATCH = 256
# Seconds of an epoch of 10,000 images on an RTX 4090, from the thesis.
PUBLISHED_EPOCH_S = 13.66
# What the full graph of 10,000 images takes in the thesis, and what is left to other programs.
FULL_GRAPH_BYTES = 19e9


def training_areas(
    images: np.ndarray,
    many: np.ndarray | None,
    thesis: MocoParameters,
    default: MocoParameters,
    finetuning: FinetuningParameters,
    pretrained: EncoderWeights,
) -> Iterator[Result]:
    """One result per area.

    Args:
        images: uint8 (10000, 28, 28), real ones.
        many: uint8 (70000, 28, 28), or None if only the 10,000 are at hand.
        thesis, default: Recipes of the two environments.
        finetuning: The default one.
        pretrained: Where it starts.
    """
    run = started(images, thesis)
    yield from step_areas(run, images)
    yield epoch(run)
    yield growth(
        "MoCo training step, growth over queue sizes",
        {size: seconds(step(resized(images, thesis, queue=size))) for size in (2048, 8192, 32768)},
        "nothing to gain",
        1.0,
    )
    yield growth(
        "MoCo training step, growth over widths",
        {width: seconds(step(resized(images, thesis, width=width))) for width in (8, 16, 32)},
        "arithmetic, quadratic",
        2.0,
    )
    yield growth(
        "MoCo epoch of the default, growth over images",
        {n: epoch_seconds(started(images[:n], default)) for n in (2_500, 5_000, 10_000)},
        "linear",
        1.0,
    )
    yield from finetuning_areas(images, pretrained, finetuning)
    if many is not None:
        yield finetuning_memory(many[:60_000], pretrained, finetuning)


def started(images: np.ndarray, recipe: MocoParameters) -> PretrainingRun:
    """A run that has seen nothing yet."""
    return PretrainingRun(
        images, PixelStatistics(float(images.mean()), float(images.std())), recipe
    )


def resized(
    images: np.ndarray, recipe: MocoParameters, queue: int | None = None, width: int | None = None
) -> PretrainingRun:
    """A run with another queue or another width of the first stage."""
    contrast, encoder = recipe.contrast, recipe.encoder
    if queue:
        contrast = contrast.model_copy(update={"queue_size": queue})
    if width:
        widths = [width, 2 * width, 4 * width]
        encoder = encoder.model_copy(update={"widths": widths})
    update = {"contrast": contrast, "encoder": encoder}
    return started(images[:BATCH], recipe.model_copy(update=update))


def step(run: PretrainingRun) -> Callable[[], object]:
    """One training step, views included."""
    chosen = torch.arange(BATCH)
    return lambda: run.train_step(chosen, 0.03, 0.999, 0.07)


def seconds(work: Callable[[], object], rounds: int = 5) -> float:
    """Median time after a warm-up."""
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return float(np.median(times))


def step_areas(run: PretrainingRun, images: np.ndarray) -> Iterator[Result]:
    """A step of 256 images of the thesis's ResNet-32 against four others."""
    ours = ("batched views, channels last", step(run))
    against = [
        ("the plain way: PIL views one by one", PlainMoco(images[:BATCH]).step),
        ("the encoders alone on ready tensors", encoders_alone(run)),
        arithmetic_alone(run),
    ]
    try:
        against.insert(1, ("lightly's parts, torchvision views", LightlyMoco(images[:BATCH]).step))
    except ImportError:
        print("lightly is not installed: not measured against it (pip install lightly)")
    for other in against:
        yield time_side_by_side(
            *("MoCo training step, ResNet-32", BATCH, ours, other),
            rounds=7,
            unit="ms/image",
            scale=1000 / BATCH,
        )


def encoders_alone(run: PretrainingRun) -> Callable[[], object]:
    """The limit of any step: key forward, query forward and backward."""
    moco = run.moco.train()
    views = torch.rand(BATCH, 1, 28, 28).to(memory_format=torch.channels_last)

    def pass_through() -> None:
        with torch.no_grad():
            keys = moco.key_encoder.project(views)
        (moco.query_encoder.project(views) * keys).sum().backward()

    return pass_through


def arithmetic_alone(run: PretrainingRun) -> tuple[str, Callable[[], object]]:
    """As many multiplications as the encoders need, in one large float32 product: what no float32
    step here can fall below.
    """
    with FlopCounterMode(display=False) as counter:
        encoders_alone(run)()
    side = round((counter.get_total_flops() / 2) ** (1 / 3))
    x, y = torch.rand(side, side), torch.rand(side, side)
    mega = counter.get_total_flops() / BATCH / 1e6
    return f"their {mega:.0f} MFLOP an image as one matrix product", lambda: x @ y


def epoch_seconds(run: PretrainingRun) -> float:
    """Time of a whole epoch."""
    begun = time.perf_counter()
    run.train_epoch()
    return time.perf_counter() - begun


def epoch(run: PretrainingRun) -> Result:
    """One epoch of 10,000 images of the thesis's recipe."""
    ours = epoch_seconds(run)
    return Result(
        *("MoCo epoch, ResNet-32", "this machine", "published, RTX 4090", len(run.images)),
        *(round(ours, 2), PUBLISHED_EPOCH_S, "s", round(PUBLISHED_EPOCH_S / ours, 2), "one run"),
    )


def full_graph_step(run: FinetuningRun, labels: torch.Tensor) -> None:
    """The original's way: all images at once, silhouette on the whole matrix of distances."""
    w = run.pretrained
    pixels = run.images.unsqueeze(1).float() / 255
    x = (pixels - w.statistics.mean / 255) / (w.statistics.std / 255)
    z = F.normalize(run.encoder(x), dim=1)
    distance = torch.cdist(z, z)
    members = F.one_hot(labels).float()
    sizes = members.sum(0)
    totals = distance @ members
    own = labels[:, None]
    within = (totals.gather(1, own) / (sizes[own] - 1)).squeeze(1)
    between = (totals / sizes).scatter(1, own, float("inf")).amin(1)
    run.optimizer.zero_grad()
    (-((between - within) / torch.maximum(between, within)).mean()).backward()


def chunked_step(run: FinetuningRun, labels: torch.Tensor) -> None:
    """Ours, without the move of the optimizer."""
    gradient = surrogate_loss(run.embed(), labels, run.parameters.surrogate).gradient
    run.optimizer.zero_grad()
    run.backward(gradient)


def finetuning_run(
    images: np.ndarray, pretrained: EncoderWeights, parameters: FinetuningParameters
) -> FinetuningRun:
    """A run whose clusters are given by number, as these measurements are of the step alone."""
    return FinetuningRun(images, pretrained, parameters, 10, lambda z: np.arange(len(z)) % 10)


def finetuning_areas(
    images: np.ndarray, pretrained: EncoderWeights, parameters: FinetuningParameters
) -> Iterator[Result]:
    """Gradients, memory and time of a full-batch step against the full graph."""
    if psutil.virtual_memory().available < 1.1 * FULL_GRAPH_BYTES:
        images = images[: len(images) // 2]
        print(f"too little memory for the full graph of 10,000 images: {len(images)} are taken")
    runs = {
        "batch by batch, exact gradients": (
            chunked_step,
            finetuning_run(images, pretrained, parameters),
        ),
        "full graph, as the original": (
            full_graph_step,
            finetuning_run(images, pretrained, parameters),
        ),
    }
    labels = torch.arange(len(images)) % 10
    chunked_step(next(iter(runs.values()))[1], labels)  # warms up
    costs, gradients = [], []
    for work, run in runs.values():
        _, cost = measure(lambda w=work, r=run: w(r, labels))
        costs.append(cost)
        parts = [p.grad.flatten() for p in run.encoder.parameters() if p.grad is not None]
        gradients.append(torch.cat(parts))
        run.optimizer.zero_grad()
    difference = float((gradients[0] - gradients[1]).norm() / gradients[1].norm())
    names = list(runs)
    names[1] += f", gradients differ by {difference:.0e}"
    for what, values, unit in (
        ("time", [c.time_s for c in costs], "s"),
        ("memory", [c.memory_mb for c in costs], "MB"),
    ):
        ours, theirs = (round(value, 2) for value in values)
        yield Result(
            *(f"Finetuning step, {what}", *names, len(images), ours, theirs, unit),
            *(round(values[1] / values[0], 2), "one run"),
        )


def finetuning_memory(
    images: np.ndarray, pretrained: EncoderWeights, parameters: FinetuningParameters
) -> Result:
    """Memory of a whole step at 60,000 images, from the empty process."""
    labels = torch.arange(len(images)) % 10

    def whole() -> None:
        chunked_step(finetuning_run(images, pretrained, parameters), labels)

    _, cost = measure(whole)
    return Result(
        *("Finetuning step, memory", f"batch by batch, {cost.time_s:.0f} s", "goal", len(images)),
        *(round(cost.memory_mb), 4096, "MB", round(4096 / cost.memory_mb, 2), "one run"),
    )
