import pytest
from kedro.io import DatasetError
from PIL import Image

from fashion_mocluster.datasets.figures import FiguresDataset
from fashion_mocluster.reporting.style import new_figure


def test_the_folder_holds_exactly_what_was_saved_last(tmp_path):
    dataset = FiguresDataset(filepath=str(tmp_path / "figures"), dpi=50)
    assert not dataset.exists()
    dataset.save({"a": new_figure(2, 1), "b": new_figure(2, 1)})
    dataset.save({"b": new_figure(4, 1)})
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["b.png"]
    assert Image.open(tmp_path / "figures" / "b.png").size == (200, 50)
    assert dataset.exists()
    assert len(dataset.preview()) > 100
    assert dataset.load() == {"b": (tmp_path / "figures" / "b.png").read_bytes()}


def test_a_folder_without_figures_says_so(tmp_path):
    with pytest.raises(DatasetError, match="no figures here"):
        FiguresDataset(filepath=str(tmp_path)).load()
