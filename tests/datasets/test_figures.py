import io

import numpy as np
import pytest
import yaml
from kedro.io import AbstractDataset
from PIL import Image

from fashion_mocluster.datasets.figures import FigureDataset
from fashion_mocluster.reporting.style import new_figure
from tests.project_copy import PROJECT


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


@pytest.mark.parametrize("name", ["evaluation.{method}.figures", "report_figures"])
def test_the_folder_holds_exactly_what_was_saved_last(name, tmp_path):
    config = yaml.safe_load((PROJECT / "conf/base/catalog_evaluation.yml").read_text())[name]
    dataset = AbstractDataset.from_config(name, {**config, "path": str(tmp_path / "figures")})
    assert not dataset.exists()
    dataset.save({"a": new_figure(2, 1), "b": new_figure(2, 1)})
    dataset.save({"b": new_figure(4, 1)})
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["b.png"]
    assert Image.open(tmp_path / "figures" / "b.png").size == (440, 110)
    assert dataset.exists()
    assert dataset.load()["b"]() == (tmp_path / "figures" / "b.png").read_bytes()
