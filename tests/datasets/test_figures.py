import base64
import inspect
import io

import numpy as np
import pytest
from PIL import Image

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.figures import FigureDataset, FiguresDataset
from fashion_mocluster.reporting.style import new_figure


def test_a_figure_that_is_drawn_once_looks_as_savefig_draws_it(tmp_path):
    def figure():
        figure = new_figure(4, 3)
        axes = figure.subplots()
        axes.plot([0, 1e6], [0, 1], label="a long name")
        axes.annotate("$5", (0, 1), (-2e5, 0.5))
        figure.legend(loc="outside right upper")
        figure.suptitle("Title")
        return figure

    content = io.BytesIO()
    figure().savefig(content, dpi=110)
    path = tmp_path / "deep" / "a.png"
    dataset = FigureDataset(filepath=str(path))
    dataset.save(figure())
    assert dataset.load() == path.read_bytes()
    # Of which nothing is transparent, so that it can be kept without.
    red, green, blue, opaque = Image.open(content).split()
    assert opaque.getextrema() == (255, 255)
    np.testing.assert_array_equal(Image.open(path), Image.merge("RGB", (red, green, blue)))
    assert Image.open(path).info["dpi"] == pytest.approx((110, 110), abs=0.1)


def test_the_folder_holds_exactly_what_was_saved_last(tmp_path):
    dataset = FiguresDataset(filepath=str(tmp_path / "figures"))
    assert not dataset.exists()
    dataset.save({"a": new_figure(2, 1), "b": new_figure(2, 1)})
    dataset.save({"b": new_figure(4, 1)})
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["b.png"]
    assert Image.open(tmp_path / "figures" / "b.png").size == (440, 110)
    assert dataset.exists()
    assert dataset.load() == {"b": (tmp_path / "figures" / "b.png").read_bytes()}


def test_kedro_viz_shows_the_first_figure_as_a_picture(tmp_path):
    dataset = FiguresDataset(filepath=str(tmp_path))
    dataset.save({"b": new_figure(2, 1), "a": new_figure(1, 1)})
    assert base64.b64decode(dataset.preview()) == (tmp_path / "a.png").read_bytes()
    annotation = inspect.signature(dataset.preview).return_annotation
    assert annotation.__name__ == "ImagePreview"  # by which kedro-viz recognizes it


def test_a_folder_without_figures_says_so(tmp_path):
    with pytest.raises(DataFileError, match="no figures here"):
        FiguresDataset(filepath=str(tmp_path)).load()
