"""``python -m tests.benchmarks [--small] [FOLDER]`` in the project folder: measures, prints and saves
the table.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.datasets.weights import load_tensors
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.parameters import check_parameters
from tests.benchmarks.backbone import backbone_areas
from tests.benchmarks.clustering import clustering_areas
from tests.benchmarks.command_line import command_line_areas
from tests.benchmarks.evaluation import evaluation_areas
from tests.benchmarks.gpu import gpu_areas
from tests.benchmarks.many_points import many_points_areas
from tests.benchmarks.pictures import picture_areas
from tests.benchmarks.side_by_side import Result
from tests.benchmarks.size import FULL, SMALL, Size
from tests.benchmarks.threads import thread_areas
from tests.benchmarks.training_areas import training_areas
from tests.conftest import project_parameters
from tests.project_copy import PROJECT

DATA = PROJECT / "data"
RESULT = DATA / "08_reporting" / "benchmarks.csv"


def main(idx_folder: Path | None, size: Size, result: Path = RESULT) -> pd.DataFrame:
    """Run all areas; each is printed and saved as soon as it is measured."""
    images, *_ = read_image_csv(DATA / "01_raw" / "fashion-mnist_test.csv.gz")
    many = None
    if idx_folder is None:
        print("no folder of IDX files was named: nothing is measured beyond 10,000 images")
    else:
        many, _ = read_idx_folder(idx_folder, "all")
    rows = []
    result.parent.mkdir(parents=True, exist_ok=True)
    for area in all_areas(images[: size.images], many, size):
        print(f"{area.area}, {area.n}, {area.against}: {area.ratio} x ({area.spread})", flush=True)
        rows.append(area.row())
        # What is measured so far is kept if the rest is cut off.
        pd.DataFrame(rows).to_csv(result, index=False)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    return table


def all_areas(images: np.ndarray, many: np.ndarray | None, size: Size) -> Iterator[Result]:
    """All of them, each as soon as it is measured."""
    yield from picture_areas(size)
    weights = EncoderWeights.from_dict(load_tensors(DATA / "06_models" / "pretrained" / "moco.pt"))
    thesis, base = (check_parameters(project_parameters(env)) for env in ("thesis", "base"))
    finetuning = base.finetuning["kmeans"]
    yield from training_areas(images, many, thesis.moco, base.moco, finetuning, weights, size)
    yield from backbone_areas(base.backbone, size)
    yield from thread_areas(images, base.moco, size)
    few, all_ = (None if x is None else embed(x, weights, base.embedding) for x in (images, many))
    yield from clustering_areas(few, all_, size)
    yield from evaluation_areas(few, size.rounds)
    yield from gpu_areas(images, few, thesis.moco, base.moco, size)
    yield from many_points_areas(few if all_ is None else all_, size)
    yield from command_line_areas(size)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "idx_folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="the four IDX files of Fashion-MNIST: 40,000 to 70,000 images are measured too",
    )
    parser.add_argument("--small", action="store_true", help="200 images and one round: 2 minutes")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    main(arguments.idx_folder, SMALL if arguments.small else FULL)
