"""``python -m tests.benchmarks [FOLDER]`` in the project folder: measures, prints and saves the
table. FOLDER holds the four IDX files of Fashion-MNIST; without it nothing beyond the 10,000 test
images is measured.
"""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from fashion_mocluster.datasets.idx import read_idx_folder
from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.datasets.weights import load_tensors
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.parameters import check_parameters
from tests.benchmarks.clustering import clustering_areas
from tests.benchmarks.side_by_side import Result
from tests.benchmarks.training import training_step
from tests.conftest import PROJECT, project_parameters

DATA = PROJECT / "data"
RESULT = DATA / "08_reporting" / "benchmarks.csv"


def main(idx_folder: Path | None, result: Path = RESULT) -> None:
    """Run all areas."""
    images, _ = read_image_csv(DATA / "01_raw" / "fashion-mnist_test.csv.gz")
    if idx_folder is None:
        print("no folder of IDX files was named: nothing is measured beyond 10,000 images")
        many = None
    else:
        many = shipped_embeddings(read_idx_folder(idx_folder, "all")[0])
    rows = []
    for area in chain(training_areas(images), clustering_areas(shipped_embeddings(images), many)):
        print(f"{area.area}, {area.n}: {area.ratio} x ({area.spread})", flush=True)
        rows.append(area.row())
    table = pd.DataFrame(rows)
    result.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(result, index=False)
    print(table.to_string(index=False))


def training_areas(images: np.ndarray) -> Iterator[Result]:
    """One result per area of training, by the recipe of the thesis environment."""
    yield training_step(images, check_parameters(project_parameters("thesis")).moco)


def shipped_embeddings(images: np.ndarray) -> np.ndarray:
    """Embeddings float32 (N, 128) of real images by the encoder that comes with the project."""
    weights = EncoderWeights.from_dict(load_tensors(DATA / "06_models" / "shipped" / "moco.pt"))
    return embed(images, weights, EmbeddingParameters())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
