"""Training, against the plain way of doing it."""

import numpy as np
import torch
from PIL import Image, ImageFilter

from fashion_mocluster.learning.inputs import PixelStatistics
from fashion_mocluster.learning.moco import info_nce
from fashion_mocluster.learning.parameters import MocoParameters
from fashion_mocluster.learning.pretraining import PretrainingRun
from tests.benchmarks.side_by_side import Result, time_side_by_side


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
