"""``python -m tests.benchmarks [--small] [--only PART] [FOLDER]`` in the project folder: measures, prints
and saves the table.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.datasets.weights import load_tensors
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.parameters import ProjectParameters, check_parameters
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
from tests.project_copy import PROJECT, project_parameters

DATA = PROJECT / "data"
RESULT = DATA / "08_reporting" / "benchmarks.csv"


def main(
    idx_folder: Path | None, size: Size, result: Path = RESULT, only: str | None = None
) -> pd.DataFrame:
    """Run all areas, or those of one part; each is printed and saved as soon as it is measured."""
    images, *_ = read_image_csv(DATA / "01_raw" / "fashion-mnist_test.csv.gz")
    many = None
    if idx_folder is None:
        print("no folder of IDX files was named: nothing is measured beyond 10,000 images")
    else:
        many, _ = read_idx_folder(idx_folder, "all")
    inputs = Inputs(images[: size.images], many)
    rows = []
    result.parent.mkdir(parents=True, exist_ok=True)
    for area in areas(inputs, size, only):
        print(f"{area.area}, {area.n}, {area.against}: {area.ratio} x ({area.spread})", flush=True)
        rows.append(area.row())
        # What is measured so far is kept if the rest is cut off.
        pd.DataFrame(rows).to_csv(result, index=False)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    return table


class Inputs:
    """What is measured on: ``images``, those that ship, and ``many``, all 70,000 if they are at hand,
    uint8 (N, 28, 28) both, and their representations float32 (N, D) by the encoder that ships.
    """

    def __init__(self, images: np.ndarray, many: np.ndarray | None):
        self.images, self.many = images, many

    @cached_property
    def embeddings(self) -> np.ndarray:
        """Of ``images``."""
        return embed(self.images, shipped_weights(), recipe("base").embedding)

    @cached_property
    def many_embeddings(self) -> np.ndarray | None:
        """Of ``many``, if they are at hand."""
        if self.many is None:
            return None
        return embed(self.many, shipped_weights(), recipe("base").embedding)


def areas(inputs: Inputs, size: Size, only: str | None = None) -> Iterator[Result]:
    """The areas of all parts, or of one, each as soon as it is measured."""
    for name in PARTS if only is None else [only]:
        yield from PARTS[name](inputs, size)


def _training(inputs: Inputs, size: Size) -> Iterator[Result]:
    thesis, base = recipe("thesis"), recipe("base")
    recipes = thesis.moco, base.moco, base.finetuning["kmeans"]
    yield from training_areas(inputs.images, inputs.many, *recipes, shipped_weights(), size)


def _gpu(inputs: Inputs, size: Size) -> Iterator[Result]:
    recipes = recipe("thesis").moco, recipe("base").moco
    yield from gpu_areas(inputs.images, inputs.embeddings, *recipes, size)


def _many_points(inputs: Inputs, size: Size) -> Iterator[Result]:
    at_hand = inputs.embeddings if inputs.many is None else inputs.many_embeddings
    yield from many_points_areas(at_hand, size)


def shipped_weights() -> EncoderWeights:
    """The encoder that ships."""
    return EncoderWeights.from_dict(load_tensors(DATA / "06_models" / "pretrained" / "moco.pt"))


def recipe(environment: str) -> ProjectParameters:
    """Its parameters."""
    return check_parameters(project_parameters(environment))


# What can be measured, in this order: a name, and what makes its areas in some size.
PARTS: dict[str, Callable[[Inputs, Size], Iterator[Result]]] = {
    "pictures": lambda inputs, size: picture_areas(size),
    "training": _training,
    "backbone": lambda inputs, size: backbone_areas(recipe("base").backbone, size),
    "threads": lambda inputs, size: thread_areas(inputs.images, recipe("base").moco, size),
    "clustering": lambda inputs, size: clustering_areas(
        inputs.embeddings, inputs.many_embeddings, size
    ),
    "turtle": lambda inputs, size: evaluation_areas(inputs.embeddings, size.rounds),
    "gpu": _gpu,
    "many_points": _many_points,
    "commands": lambda inputs, size: command_line_areas(size),
}


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
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    only = arguments.only
    path = RESULT if only is None else RESULT.with_stem(f"{RESULT.stem}_{only}")
    main(arguments.idx_folder, SMALL if arguments.small else FULL, path, only)
