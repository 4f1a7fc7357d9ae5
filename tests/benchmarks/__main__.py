"""``python -m tests.benchmarks`` in the project folder: measures, prints and saves the table."""

from pathlib import Path

import pandas as pd

from fashion_mocluster.datasets.image_csv import read_image_csv
from fashion_mocluster.parameters import check_parameters
from tests.benchmarks.areas import all_areas
from tests.conftest import PROJECT, project_parameters

RESULT = PROJECT / "data" / "08_reporting" / "benchmarks.csv"


def main(result: Path = RESULT) -> None:
    """Run all areas."""
    images, _ = read_image_csv(PROJECT / "data" / "01_raw" / "fashion-mnist_test.csv.gz")
    rows = []
    for area in all_areas(images, check_parameters(project_parameters("thesis")).moco):
        print(f"{area.area}: {area.ratio} x ({area.spread})", flush=True)
        rows.append(area.row())
    table = pd.DataFrame(rows)
    result.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(result, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
