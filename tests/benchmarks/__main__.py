"""``python -m tests.benchmarks [FOLDER]`` in the project folder: measures, prints and saves the
table. FOLDER holds the four IDX files of Fashion-MNIST; without it nothing beyond the 10,000 test
images is measured.
"""

import sys
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
from tests.benchmarks.clustering import clustering_areas
from tests.benchmarks.command_line import command_line_areas
from tests.benchmarks.side_by_side import Result
from tests.benchmarks.training import training_areas
from tests.conftest import PROJECT, project_parameters

DATA = PROJECT / "data"
RESULT = DATA / "08_reporting" / "benchmarks.csv"


def main(idx_folder: Path | None, result: Path = RESULT) -> None:
    """Run all areas."""
    images, _ = read_image_csv(DATA / "01_raw" / "fashion-mnist_test.csv.gz")
    many = None
    if idx_folder is None:
        print("no folder of IDX files was named: nothing is measured beyond 10,000 images")
    else:
        many, _ = read_idx_folder(idx_folder, "all")
    rows = []
    for area in all_areas(images, many):
        print(f"{area.area}, {area.n}, {area.against}: {area.ratio} x ({area.spread})", flush=True)
        rows.append(area.row())
        # What is measured so far is kept if the rest is cut off.
        result.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(rows).to_csv(result, index=False)
    print(pd.DataFrame(rows).to_string(index=False))


def all_areas(images: np.ndarray, many: np.ndarray | None) -> Iterator[Result]:
    """Training, clustering, commands."""
    weights = EncoderWeights.from_dict(load_tensors(DATA / "06_models" / "pretrained" / "moco.pt"))
    thesis, base = (check_parameters(project_parameters(env)) for env in ("thesis", "base"))
    yield from training_areas(images, many, thesis.moco, base.moco, base.finetuning.kmeans, weights)
    few, all_ = (None if x is None else embed(x, weights, base.embedding) for x in (images, many))
    yield from clustering_areas(few, all_)
    yield from command_line_areas()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
