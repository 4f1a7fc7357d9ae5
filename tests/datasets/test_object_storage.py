"""Tables, figures and texts take paths of object storage, such as fsspec's ``memory:``."""

import fsspec
import pandas as pd
import pytest
from kedro.io import AbstractDataset, DatasetError
from matplotlib.figure import Figure

from fashion_mocluster.datasets.figures import FigureDataset

TABLE = pd.DataFrame({"index": [0, 1]})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("json.JSONDataset", {"mean": 1.5}),
        ("fashion_mocluster.datasets.figures.FigureDataset", Figure()),
        ("pandas.CSVDataset", TABLE),
        ("pandas.ParquetDataset", TABLE),
        ("text.TextDataset", "text"),
    ],
)
def test_results_can_be_kept_there(kind, value):
    config = {"type": kind, "filepath": f"memory:///bucket/{kind}"}
    AbstractDataset.from_config("result", config).save(value)
    assert fsspec.filesystem("memory").exists(f"/bucket/{kind}")


def test_figures_are_read_from_there():
    dataset = FigureDataset(filepath="memory:///bucket/x.png")
    dataset.save(Figure())
    assert dataset.load() == fsspec.filesystem("memory").cat_file("/bucket/x.png")


def test_arrays_cannot():
    config = {
        "type": "fashion_mocluster.datasets.arrays.NumpyDataset",
        "filepath": "memory://bucket/a.npy",
    }
    with pytest.raises(DatasetError, match="NumpyDataset needs a local path"):
        AbstractDataset.from_config("images", config)
