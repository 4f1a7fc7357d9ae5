from dataclasses import dataclass

import pytest
import torch
from kedro.io import DatasetError

from fashion_mocluster.datasets.errors import DataFileError
from fashion_mocluster.datasets.weights import TorchWeightsDataset
from fashion_mocluster.errors import FashionMoClusterError


@dataclass
class Weights:
    """The least that a class needs to be stored."""

    value: float
    origin: str = "made here"

    def to_dict(self):
        return {"value": torch.tensor(self.value)}

    @classmethod
    def from_dict(cls, content):
        if set(content) != {"value", "origin"}:
            raise FashionMoClusterError(f"{content['origin']}: malformed")
        return cls(float(content["value"]), content["origin"])


def dataset(path, **options):
    return TorchWeightsDataset(filepath=str(path), content=f"{__name__}.Weights", **options)


def test_loading_is_the_inverse_of_saving(tmp_path):
    path = tmp_path / "a" / "encoder.pt"
    dataset(path).save(Weights(3.0, "somewhere else"))
    assert dataset(path).load() == Weights(3.0, f"{path}, made here")
    assert list(path.parent.iterdir()) == [path]
    assert torch.load(path) == {"value": torch.tensor(3.0)}  # the origin is not stored


def test_pretrained_weights_are_loaded_until_there_are_own_ones_and_never_written(tmp_path, caplog):
    caplog.set_level("INFO")
    pretrained, own = tmp_path / "pretrained.pt", tmp_path / "own.pt"
    torch.save(Weights(1.0).to_dict(), pretrained)
    before = pretrained.read_bytes()
    weights = dataset(own, fallback_filepath=str(pretrained))
    assert weights.exists()
    assert weights.load() == Weights(1.0, f"{pretrained}, shipped with the project")
    weights.save(Weights(2.0))
    assert weights.load() == Weights(2.0, f"{own}, made here")
    assert pretrained.read_bytes() == before
    assert f"weights: {pretrained}, shipped with the project" in caplog.text
    assert f"weights: {own}, made here" in caplog.text


def test_a_folder_in_place_of_a_file_does_not_exist(tmp_path):
    (tmp_path / "own.pt").mkdir()
    weights = dataset(tmp_path / "own.pt", fallback_filepath=str(tmp_path))
    assert not weights.exists()


def test_no_weights_at_all_is_an_error_that_names_the_command(tmp_path):
    weights = dataset(tmp_path / "x.pt")
    assert not weights.exists()
    with pytest.raises(DataFileError, match="there are no weights yet; run the pipeline"):
        weights.load()


def test_what_the_class_refuses_names_the_file(tmp_path):
    torch.save({"other": 1}, tmp_path / "x.pt")
    with pytest.raises(DatasetError, match=r"x\.pt, made here: malformed"):
        dataset(tmp_path / "x.pt").load()
