import errno
from pathlib import Path

import pytest
import torch
from kedro.io import DatasetError

from fashion_mocluster.datasets.checkpoints import CheckpointStoreDataset


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


def test_a_failed_write_leaves_the_old_checkpoint_whole(store, tmp_path, monkeypatch):
    store.save("last", {"epoch": 1})
    write = Path.write_bytes

    def fail(path, content):
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DatasetError, match=r"last\.pt: cannot be written.*Free some space"):
        store.save("last", {"epoch": 2})
    assert store.load("last") == {"epoch": 1}
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last.pt"]


def test_what_does_not_read_back_does_not_replace_a_good_checkpoint(store, monkeypatch):
    store.save("last", {"epoch": 1})
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: write(path, content[:-9]))
    with pytest.raises(DatasetError, match="does not read back"):
        store.save("last", {"epoch": 2})
    assert store.load("last") == {"epoch": 1}


def test_what_a_killed_process_left_half_written_is_no_checkpoint(store, tmp_path):
    store.save("last", {"epoch": 1})
    (tmp_path / "checkpoints" / ".last.partial.pt").write_bytes(b"half")
    assert store.names() == ["last"]
    store.save("last", {"epoch": 2})
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["last.pt"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "list"])
def test_a_damaged_checkpoint_is_refused_with_the_way_on(store, tmp_path, damage):
    store.save("last", {"w": torch.arange(1000.0)})
    path = tmp_path / "checkpoints" / "last.pt"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    if damage == "list":
        torch.save([1, 2], path)
    else:
        path.write_bytes(content[: {"truncated": 700, "empty": 0}.get(damage)])
    with pytest.raises(DatasetError, match=r"last\.pt: .*Delete it, and the run goes on from"):
        store.load("last")


def test_nobody_saves_the_dataset_itself(tmp_path):
    with pytest.raises(DatasetError, match="through the store"):
        CheckpointStoreDataset(filepath=str(tmp_path)).save({})
