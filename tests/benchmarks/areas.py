"""What is measured, each against the plain or the usual way of doing it."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageFilter
from sklearn.cluster import SpectralClustering
from sklearn.metrics import silhouette_score

from fashion_mocluster.clustering.scores import silhouette
from fashion_mocluster.clustering.spectral import spectral_clustering
from fashion_mocluster.learning.inputs import PixelStatistics
from fashion_mocluster.learning.moco import info_nce
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.pretraining import PretrainingRun
from tests.benchmarks.side_by_side import Result, time_side_by_side


def all_areas(images: np.ndarray, thesis: MocoParameters) -> Iterator[Result]:
    """One result per area.

    Args:
        images: uint8 (N, 28, 28), real ones.
        thesis: The recipe of the thesis environment.
    """
    yield training_step(images, thesis)
    embeddings = pixel_embeddings(images, 128)
    yield spectral(embeddings)
    yield silhouettes(embeddings)


def training_step(images: np.ndarray, thesis: MocoParameters) -> Result:
    """A step of 256 images of the thesis's ResNet-32, views included, against the plain way: one
    image at a time through Pillow and NumPy, then a float32 step."""
    statistics = PixelStatistics(float(images.mean()), float(images.std()))
    ours = PretrainingRun(images, statistics, thesis)
    plain = PretrainingRun(images, statistics, thesis)
    plain.moco.to(memory_format=torch.contiguous_format)
    rng = np.random.default_rng(0)
    batch = ours.images[:256]

    def our_step():
        ours.train_step(batch, 0.03, 0.999, 0.07)

    def plain_step():
        pairs = [plain_views(image, rng) for image in images[:256]]
        query_view, key_view = (torch.from_numpy(np.stack(v)) for v in zip(*pairs, strict=True))
        moco, optimizer = plain.moco, plain.optimizer
        with torch.no_grad():
            moco.update_key_encoder(0.999)
            keys = moco.key_encoder.project(key_view)
        loss, _ = info_nce(moco.query_encoder.project(query_view), keys, moco.queue, 0.07)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        moco.enqueue(keys)

    return time_side_by_side(
        "MoCo training step, ResNet-32",
        256,
        ("batched views, fused step", our_step),
        ("one image at a time, float32", plain_step),
        rounds=5,
        unit="ms/image",
        scale=1000 / 256,
    )


def plain_views(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The thesis's two views of one image, step by step, float32 (1, 28, 28) in [0, 1]."""
    picture = Image.fromarray(image)
    side = np.sqrt(rng.uniform(0.2, 1)) * 28
    ratio = np.sqrt(np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3))))
    width, height = min(28, side * ratio), min(28, side / ratio)
    left, top = rng.uniform(0, 28 - width), rng.uniform(0, 28 - height)
    box = (left, top, left + width, top + height)
    picture = picture.resize((28, 28), Image.Resampling.BILINEAR, box)
    picture = picture.rotate(rng.uniform(-30, 30), Image.Resampling.NEAREST)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2)))
    query = np.clip(np.asarray(blurred) + rng.normal(0, 15, (28, 28)), 0, 255)
    padded = np.pad(np.asarray(picture, float), 1, mode="reflect")
    smooth_y = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    smooth_x = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    key = np.hypot(smooth_y[:, 2:] - smooth_y[:, :-2], smooth_x[2:] - smooth_x[:-2]).clip(0, 255)
    return (query[None] / 255).astype(np.float32), (key[None] / 255).astype(np.float32)


def pixel_embeddings(images: np.ndarray, dimensions: int) -> np.ndarray:
    """Real, not separated points: the leading principal components of the images."""
    from sklearn.decomposition import PCA

    return PCA(dimensions, random_state=0).fit_transform(images.reshape(len(images), -1) / 255.0)


def spectral(x: np.ndarray) -> Result:
    """kNN graph, embedding and labels."""
    theirs = SpectralClustering(
        10, affinity="nearest_neighbors", n_neighbors=10, n_init=10, random_state=0
    )
    return time_side_by_side(
        "Spectral clustering",
        len(x),
        ("blocked kNN, LOBPCG", partial(spectral_clustering, x, 10, 10, 10, 0)),
        ("scikit-learn", partial(theirs.fit_predict, x)),
        rounds=3,
        unit="s",
        scale=1,
    )


def silhouettes(x: np.ndarray) -> Result:
    """Mean silhouette of a partition into ten."""
    labels = np.random.default_rng(0).integers(0, 10, len(x))
    return time_side_by_side(
        "Silhouette",
        len(x),
        ("blocked products", partial(silhouette, x, labels)),
        ("scikit-learn", partial(silhouette_score, x, labels)),
        rounds=3,
        unit="s",
        scale=1,
    )
