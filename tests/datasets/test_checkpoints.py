import pytest
import torch
from kedro.io import DatasetError

from fashion_mocluster.datasets.checkpoints import CheckpointStoreDataset


@pytest.fixture
def store(tmp_path):
    return CheckpointStoreDataset(filepath=str(tmp_path / "checkpoints")).load()


def test_empty_store(store):
    assert store.load("last") is None
    store.prune("epoch_", 1)


def test_round_trip_and_replacement(store):
    for value in (1, 2):
        store.save("last", {"epoch": value, "w": torch.full((2,), value)})
    assert store.load("last")["epoch"] == 2


def test_prune_keeps_the_newest(store, tmp_path):
    for n in (1, 2, 10):
        store.save(f"epoch_{n:04d}", {})
    store.save("best", {})
    store.prune("epoch_", 2)
    names = sorted(p.stem for p in (tmp_path / "checkpoints").iterdir())
    assert names == ["best", "epoch_0002", "epoch_0010"]


def test_a_failed_save_leaves_the_old_checkpoint_whole(store, tmp_path, monkeypatch):
    store.save("last", {"epoch": 1})

    def fail(content, path):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        store.save("last", {"epoch": 2})
    assert store.load("last") == {"epoch": 1}
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last.pt"]


def test_nobody_saves_the_dataset_itself(tmp_path):
    with pytest.raises(DatasetError, match="through the store"):
        CheckpointStoreDataset(filepath=str(tmp_path)).save({})
