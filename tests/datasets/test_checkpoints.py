from pathlib import Path

import pytest
import torch

from fashion_mocluster.datasets.checkpoints import CheckpointStoreDataset
from fashion_mocluster.datasets.errors import DataFileError


@pytest.fixture
def store(tmp_path):
    return CheckpointStoreDataset(filepath=str(tmp_path / "checkpoints")).load()


def test_empty_store(store):
    assert store.load("last") is None
    assert store.names() == []


def test_round_trip_and_replacement(store):
    for value in (1, 2):
        store.save("last", {"epoch": value, "w": torch.full((2,), value)})
    assert store.load("last")["epoch"] == 2


def test_names_and_removal(store):
    for name in ("last", "epoch_0010", "epoch_0002"):
        store.save(name, {})
    assert store.names() == ["epoch_0002", "epoch_0010", "last"]
    store.remove("last")
    assert store.load("last") is None
    assert store.where("last").endswith("checkpoints/last.pt")


def test_a_file_that_reads_back_differently_does_not_replace_a_good_checkpoint(store, monkeypatch):
    store.save("last", {"epoch": 1})
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: write(path, content[:-9]))
    with pytest.raises(DataFileError, match="reads back differently"):
        store.save("last", {"epoch": 2})
    assert store.load("last") == {"epoch": 1}


def test_the_temporary_file_of_a_killed_process_is_no_checkpoint(store, tmp_path):
    store.save("last", {"epoch": 1})
    (tmp_path / "checkpoints" / ".last.partial.pt").write_bytes(b"half")
    assert store.names() == ["last"]
    store.save("last", {"epoch": 2})
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last.pt"]


def test_a_damaged_checkpoint_is_refused_and_the_error_says_how_to_resume(store, tmp_path):
    store.save("last", {"w": torch.arange(1000.0)})
    path = tmp_path / "checkpoints" / "last.pt"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataFileError, match=r"last\.pt: .*Delete it: the training then resumes"):
        store.load("last")
