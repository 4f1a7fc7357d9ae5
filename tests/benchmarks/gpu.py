"""What a GPU is for. Where there is none, a few images on the CPU show that the measurement works, and
the lines say so.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from fashion_mocluster.clustering.neighbors import nearest_neighbors, search, unit
from fashion_mocluster.clustering.scores import silhouette
from fashion_mocluster.learning.device import dtype_name
from fashion_mocluster.learning.parameters import MocoParameters
from tests.benchmarks import training
from tests.benchmarks.side_by_side import Result, time_side_by_side
from tests.benchmarks.size import Size

# Seconds of an epoch: of 60,000 images of the default encoder, of 10,000 of the thesis's.
DEFAULT_IMAGES, DEFAULT_GOAL_S = 60_000, 1.0
THESIS_IMAGES, THESIS_GOAL_S = 10_000, 0.25
NEIGHBORS = 15
# Images and points where there is no GPU.
WITHOUT_GPU = 400
# Points that are compared with all others at a time.
BLOCK = 2000


def gpu_areas(
    images: np.ndarray,
    embeddings: np.ndarray,
    thesis: MocoParameters,
    default: MocoParameters,
    size: Size,
) -> Iterator[Result]:
    """One result per area.

    Args:
        images: uint8 (N, 28, 28); more are made of copies where an epoch has more.
        embeddings: float32 (N, D).
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        print("there is no GPU: these measurements show only that they work")
        images, embeddings = images[:WITHOUT_GPU], embeddings[:WITHOUT_GPU]
    wanted = (DEFAULT_IMAGES, THESIS_IMAGES) if device.type == "cuda" else (len(images),) * 2
    recipes = (("default encoder", default, DEFAULT_GOAL_S), ("ResNet-32", thesis, THESIS_GOAL_S))
    for count, (name, recipe, goal) in zip(wanted, recipes, strict=True):
        many = images[np.arange(count) % len(images)]
        yield from epoch_against_goal(name, many, recipe, goal, device)
        yield step_against_compiled_encoders(name, many, recipe, size)
    labels = np.arange(len(embeddings)) % 10
    x = torch.from_numpy(unit(embeddings)).to(device)
    for what, on_cpu, on_device in (
        ("Nearest neighbors", lambda: _search(embeddings), lambda: neighbors(x)),
        ("Silhouette", lambda: silhouette(embeddings, labels), lambda: mean_silhouette(x, labels)),
    ):
        yield time_side_by_side(
            *(f"{what}, {device.type}", len(embeddings)),
            ("ours, on the CPU", on_cpu),
            (f"PyTorch, on {device.type}", synchronized(on_device, device)),
            rounds=size.rounds,
            unit="s",
            scale=1,
        )


def epoch_against_goal(
    name: str, images: np.ndarray, recipe: MocoParameters, goal: float, device: torch.device
) -> Iterator[Result]:
    """The third epoch of a pretraining; the first ones choose kernels. On a CPU it has no goal."""
    recipe = training.small_batches(recipe, len(images))
    epochs = 3 if device.type == "cuda" else 1
    seconds = training.epoch_seconds(images, recipe, epochs)[-1]
    against, goal = ("goal", goal) if device.type == "cuda" else ("no goal: no GPU", seconds)
    yield Result(
        *(f"MoCo epoch, {name}, {device.type}", "as it is", against, len(images)),
        *(round(seconds, 3), round(goal, 3), "s", round(goal / seconds, 2), "one run"),
    )


def step_against_compiled_encoders(
    name: str, images: np.ndarray, recipe: MocoParameters, size: Size
) -> Result:
    """A whole step against its limit: query forward and backward and key forward on ready tensors,
    compiled where there is a GPU.
    """
    recipe = training.small_batches(recipe, size.batch)
    run = training.pretraining(images, recipe)
    ours = synchronized(training.step(run, recipe.batch_size), run.device)
    alone = training.encoders_alone(run, recipe.batch_size, compiled=run.device.type == "cuda")
    return time_side_by_side(
        *(f"MoCo training step, {name}, {run.device.type}", recipe.batch_size),
        (f"whole step, {dtype_name(run.precision)}", ours),
        ("the encoders alone on ready tensors", synchronized(alone, run.device)),
        rounds=size.rounds,
        unit="ms/image",
        scale=1000 / recipe.batch_size,
    )


def synchronized(work: Callable[[], object], device: torch.device) -> Callable[[], None]:
    """``work`` until the device has done it."""

    def whole() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return whole


def _search(x: np.ndarray) -> None:
    search.cache_clear()
    nearest_neighbors(unit(x), NEIGHBORS)


def neighbors(x: torch.Tensor) -> torch.Tensor:
    """Indices (N, NEIGHBORS) of the nearest other directions of unit vectors (N, D)."""
    found = [
        (rows @ x.T).topk(NEIGHBORS + 1).indices[:, 1:]  # the first is the point itself
        for rows in x.split(BLOCK)
    ]
    return torch.cat(found)


def mean_silhouette(x: torch.Tensor, labels: np.ndarray) -> float:
    """The mean silhouette of points (N, D), as :func:`silhouette` measures it."""
    known = torch.from_numpy(labels).to(x.device)
    members = torch.nn.functional.one_hot(known).to(x)
    sizes, total = members.sum(0), 0.0
    for rows, own in zip(x.split(BLOCK), known.split(BLOCK), strict=True):
        sums = torch.cdist(rows, x) @ members
        within = (sums.gather(1, own[:, None]) / (sizes[own, None] - 1)).squeeze(1)
        between = (sums / sizes).scatter(1, own[:, None], torch.inf).amin(1)
        total += ((between - within) / torch.maximum(between, within)).sum()
    return float(total / len(x))
