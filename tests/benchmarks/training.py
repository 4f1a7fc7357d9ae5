"""All that the benchmarks know of the training code: how a run is begun, and how it takes a step."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from fashion_mocluster.datasets.checkpoints import FolderStore
from fashion_mocluster.learning.device import autocast
from fashion_mocluster.learning.finetuning import Finetuning
from fashion_mocluster.learning.parameters import BaseFinetuningParameters, MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import Pretraining, pretrain
from fashion_mocluster.learning.surrogate import surrogate_loss
from fashion_mocluster.learning.weights import EncoderWeights


def pretraining(images: np.ndarray, recipe: MocoParameters) -> Pretraining:
    """A pretraining that has seen nothing yet."""
    return Pretraining(images, statistics(images), recipe)


def step(run: Pretraining, batch: int) -> Callable[[], object]:
    """One training step on the first ``batch`` images, views included."""
    chosen = torch.arange(batch)
    return lambda: run.train_step(chosen, 0)


def epoch_seconds(images: np.ndarray, recipe: MocoParameters, epochs: int = 1) -> list[float]:
    """Seconds of each of the first epochs of a pretraining, checkpoints aside."""
    recipe = recipe.model_copy(update={"epochs": epochs, "early_stopping": None})
    with tempfile.TemporaryDirectory() as folder:
        result = pretrain(images, statistics(images), recipe, FolderStore(Path(folder)))
    return [cost["seconds"] for cost in result.costs]


def small_batches(recipe: MocoParameters, n_images: int) -> MocoParameters:
    """The recipe with batches that so few images fill."""
    batch = min(recipe.batch_size, n_images)
    return recipe.model_copy(update={"batch_size": batch})


def statistics(images: np.ndarray) -> PixelStatistics:
    """Mean and standard deviation of the pixels."""
    return PixelStatistics(float(images.mean()), float(images.std()))


def encoders_alone(run: Pretraining, batch: int, compiled: bool = False) -> Callable[[], object]:
    """The limit of any step: key forward, query forward and backward, each of the whole batch at once."""
    moco = run.moco.train()
    views = torch.rand(batch, 1, 28, 28, device=run.device).to(memory_format=torch.channels_last)
    project_key, project_query = moco.key_encoder.project, moco.query_encoder.project
    if compiled:
        project_key, project_query = map(torch.compile, (project_key, project_query))

    def pass_through() -> None:
        with autocast(run.device, run.precision):
            with torch.no_grad():
                keys = project_key(views)
            similarity = (project_query(views) * keys).sum()
        similarity.backward()

    return pass_through


def arithmetic_alone(run: Pretraining, batch: int) -> tuple[str, Callable[[], object]]:
    """As many multiplications as the encoders need, in one float32 matrix product: no float32 step
    can be faster on this machine.
    """
    with FlopCounterMode(display=False) as counter:
        encoders_alone(run, batch)()
    side = round((counter.get_total_flops() / 2) ** (1 / 3))
    x, y = torch.rand(side, side), torch.rand(side, side)
    mega = counter.get_total_flops() / batch / 1e6
    return f"their {mega:.0f} MFLOP an image as one matrix product", lambda: x @ y


def finetuning(
    images: np.ndarray, pretrained: EncoderWeights, parameters: BaseFinetuningParameters
) -> Finetuning:
    """A finetuning whose clusters do not matter, as only its step is measured."""
    return Finetuning(images, pretrained, parameters, 10, lambda z: np.arange(len(z)) % 10)


def batched_gradient(run: Finetuning, labels: torch.Tensor) -> None:
    """Our gradient of the surrogate loss, batch by batch."""
    gradient = surrogate_loss(run.embed(), labels, run.parameters.surrogate).gradient
    run.optimizer.zero_grad()
    run.backward(gradient)


def full_graph_gradient(run: Finetuning, labels: torch.Tensor) -> None:
    """The gradient as the original computes it: all images at once, and the silhouette on the whole
    matrix of distances.
    """
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


def gradient_of(run: Finetuning) -> torch.Tensor:
    """The present gradient of the encoder in one vector; it is set to zero."""
    parts = [p.grad.flatten() for p in run.encoder.parameters() if p.grad is not None]
    gradient = torch.cat(parts)
    run.optimizer.zero_grad()
    return gradient
