import pickle

import pytest
import torch
from kedro.io import DatasetError

from fashion_mocluster.datasets.weights import TorchWeightsDataset

CONTENT = {"format": 1, "state": {"w": torch.arange(3.0)}, "encoder": {"widths": [1]}}


def test_round_trip_says_where_it_came_from(tmp_path):
    dataset = TorchWeightsDataset(filepath=str(tmp_path / "a" / "encoder.pt"))
    dataset.save(CONTENT)
    loaded = dataset.load()
    assert torch.equal(loaded["state"]["w"], CONTENT["state"]["w"])
    assert "trained here" in loaded["origin"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["encoder.pt"]


def test_shipped_weights_are_read_until_there_are_own_ones_and_never_written(tmp_path):
    shipped, own = tmp_path / "shipped.pt", tmp_path / "own.pt"
    torch.save(CONTENT, shipped)
    before = shipped.read_bytes()
    dataset = TorchWeightsDataset(filepath=str(own), fallback_filepath=str(shipped))
    assert dataset.exists()
    assert "shipped with the project" in dataset.load()["origin"]
    dataset.save({**CONTENT, "state": {"w": torch.zeros(3)}})
    assert "trained here" in dataset.load()["origin"]
    assert shipped.read_bytes() == before


def test_no_weights_at_all_is_an_error_that_names_the_pipeline(tmp_path):
    dataset = TorchWeightsDataset(filepath=str(tmp_path / "x.pt"), made_by="moco_pretraining")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="no trained encoder.*--pipelines=moco_pretraining"):
        dataset.load()


class Malicious:
    def __reduce__(self):
        return (open, ("hacked", "w"))


@pytest.mark.parametrize("save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_files_that_would_execute_something_are_refused(tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pt"
    save({"state": Malicious()}, path)
    with pytest.raises(DatasetError, match=r"evil.pt"):
        TorchWeightsDataset(filepath=str(path)).load()
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 half a zip"])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"bad.pt"):
        TorchWeightsDataset(filepath=str(path)).load()


def test_truncated_file_is_refused(tmp_path):
    path = tmp_path / "cut.pt"
    torch.save({"state": {"w": torch.zeros(10_000)}}, path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DatasetError, match=r"cut.pt"):
        TorchWeightsDataset(filepath=str(path)).load()


def test_something_else_than_a_dictionary(tmp_path):
    path = tmp_path / "list.pt"
    torch.save([1, 2], path)
    with pytest.raises(DatasetError, match="expected a dictionary, found list"):
        TorchWeightsDataset(filepath=str(path)).load()
