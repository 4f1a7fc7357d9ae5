"""``python -m tests.benchmarks.scaling``: what millions of pictures would take on many workers.

A worker is a GPU with its share of the processor, or here one core. What a worker does in a second is
measured; how work and bytes grow with pictures and workers is :func:`stages`. Two workers are tried.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fashion_mocluster.datasets.image_folder import read_image_folder
from fashion_mocluster.learning.backbone import embed_with_backbone
from fashion_mocluster.learning.device import pick_device
from fashion_mocluster.learning.parameters import BackboneParameters, MocoParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.pretraining import pretrain
from fashion_mocluster.parameters import check_parameters
from tests.benchmarks.pictures import OPTIONS, make_photos
from tests.learning.stores import MemoryStore
from tests.project_copy import project_parameters

# Of a photo, and of a second of a network of 100 Gbit/s.
PHOTO_BYTES, LINK_BYTES = 2.5e6, 12.5e9
# Of points that are clustered: dimensions after PCA, and as bytes where they are quantized (faiss, PQ32).
DIMENSIONS, QUANTIZED_BYTES = 128, 32
KEY_DIMENSIONS, ENCODER_BYTES, BATCH = 128, 44.7e6, 256  # ResNet-18; a batch of each worker
CLUSTERS, ITERATIONS, SAMPLE, SCORED, PROBES = 100, 25, 1e6, 5e4, 32
# An epoch of 10,000 images takes 23.8 s on two cores and 0.91 s on an H200, both in tests/README.md. A
# core alone is slower, so that this promises too little of a GPU.
H200 = 23.8 / 0.91


@dataclass(frozen=True)
class Speeds:
    """Seconds of one worker.

    Attributes:
        decode, features, training: For a picture; training for each epoch.
        product: For a multiplication and addition of a matrix product in float32.
    """

    decode: float
    features: float
    training: float
    product: float


def stages(n: float, workers: int, speed: Speeds) -> pd.DataFrame:
    """What each stage takes for ``n`` pictures, with all pictures or points in equal shards.

    Returns:
        Seconds, bytes that a worker reads or holds, and bytes that it is sent.
    """
    shard, is_shared = n / workers, workers > 1
    distance, point = DIMENSIONS * speed.product, DIMENSIONS * 4
    steps, lists = shard / BATCH, 4 * n**0.5
    # In every step the keys of all and, in a ring, the gradients of all.
    trained = steps * (BATCH * workers * KEY_DIMENSIONS * 4 + 2 * ENCODER_BYTES) * is_shared
    searched = lists + n * PROBES / lists  # by each query
    sample, scored, queries = min(n, SAMPLE), min(n, SCORED), n * point * is_shared
    lists_held = shard * QUANTIZED_BYTES
    fit = sample * CLUSTERS * ITERATIONS
    rows = [
        ("read and decode", "shards", shard * speed.decode, shard * PHOTO_BYTES, 0),
        ("features", "shards", shard * speed.features, shard * point, 0),
        ("an epoch of MoCo", "keys, gradients gathered", shard * speed.training, 0, trained),
        ("neighbors, all pairs", "queries go round", shard * n * distance, shard * point, queries),
        ("neighbors, IVF-PQ", "queries go round", shard * searched * distance, lists_held, queries),
        ("k-means, faiss", "a sample, one worker", fit * distance, sample * point, 0),
        ("clusters of all", "shards", shard * CLUSTERS * distance, shard * point, 0),
        ("scores", "a sample, one worker", scored**2 * distance, scored * point, 0),
    ]
    table = pd.DataFrame(rows, columns=["stage", "how", "seconds", "bytes", "sent"])
    return table.assign(seconds=table["seconds"] + table["sent"] / LINK_BYTES)


def measure(pictures: np.ndarray, backbone: BackboneParameters, moco: MocoParameters) -> Speeds:
    """Of this machine's GPU, or of one of its cores."""
    n = len(pictures)
    with tempfile.TemporaryDirectory() as folder:
        make_photos(Path(folder, "photos"), n // 8)
        decode = seconds(lambda: read_image_folder(Path(folder, "photos"), OPTIONS)) / (n // 8)
    side = torch.ones(4096, DIMENSIONS, device=pick_device(backbone.compute))
    return Speeds(
        decode,
        seconds(lambda: embed_with_backbone(pictures, backbone)) / n,
        training_seconds(moco, processes=1, threads=1),
        seconds(lambda: (side @ side.T)[0, 0].item()) / (len(side) ** 2 * DIMENSIONS),
    )


def seconds(call: Callable[[], object]) -> float:
    """Of the second call; the first also pays for what is built once."""
    call()
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def training_seconds(moco: MocoParameters, processes: int, threads: int) -> float:
    """For an image, in the second of two epochs of six batches."""
    compute = moco.compute.model_copy(update={"processes": processes, "threads": threads})
    recipe = moco.model_copy(update={"epochs": 2, "compute": compute})
    n = 6 * moco.batch_size
    images = np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)
    return (
        pretrain(images, PixelStatistics(127, 70), recipe, MemoryStore()).costs[-1]["seconds"] / n
    )


def try_two(
    pictures: np.ndarray, backbone: BackboneParameters, moco: MocoParameters, feature_s: float
) -> None:
    """Print what two processes take, and what was expected of them.

    That they start is not for :func:`stages` to say: it is measured with one batch for each.

    Args:
        feature_s: Seconds of one process for a picture.
    """
    compute = backbone.compute.model_copy(update={"processes": 2})
    two, few = backbone.model_copy(update={"compute": compute}), 2 * backbone.batch_size
    predicted = seconds(lambda: embed_with_backbone(pictures[:few], two))
    predicted += (len(pictures) - few) / 2 * feature_s
    measured = seconds(lambda: embed_with_backbone(pictures, two))
    print(f"features by two processes: {predicted:.1f} s predicted, {measured:.1f} s measured")
    for processes, threads in 2 * [(1, 2), (2, 1)]:
        each = 1000 * training_seconds(moco, processes, threads)
        print(f"MoCo, processes: {processes}, threads of each: {threads}, {each:.2f} ms/image")


def main(count: int) -> pd.DataFrame:
    """Measure with so many pictures of noise, try two workers, and print what they tell of many."""
    torch.set_num_threads(1)
    base = check_parameters(project_parameters("base"))
    compute = base.backbone.compute.model_copy(update={"threads": 1})
    backbone = base.backbone.model_copy(update={"compute": compute})
    moco = base.moco.model_copy(update={"batch_size": 4 * count})
    pictures = np.random.default_rng(0).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
    speed = measure(pictures, backbone, moco)
    print(speed)
    try_two(pictures, backbone, moco, speed.features)
    if not torch.cuda.is_available():
        on_gpu = [s / H200 for s in (speed.features, speed.training, speed.product)]
        speed = Speeds(speed.decode, *on_gpu)
        print(f"a GPU is taken to be {H200:.0f} times faster, but for decoding")
    table = pd.concat(
        stages(n, workers, speed).assign(pictures=f"{n:.0e}", workers=workers)
        for n in (1e7, 1e9)
        for workers in (1, 8, 64)
    )
    table = table.assign(hours=table["seconds"] / 3600, gigabytes=table["bytes"] / 1e9)
    for column in ("hours", "gigabytes"):
        wide = table.pivot(index=["stage", "how"], columns=["pictures", "workers"], values=column)
        print(f"{column} of each worker\n{wide.to_string(float_format='{:.3g}'.format)}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling", description=__doc__)
    parser.add_argument("--pictures", type=int, default=64)
    main(parser.parse_args().pictures)
