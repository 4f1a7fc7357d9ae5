import builtins

import pytest

from fashion_mocluster.errors import InputError
from fashion_mocluster.sweep.workers import connected, local_workers


def threads(number):
    return {"OMP_NUM_THREADS": str(number), "NUMBA_NUM_THREADS": str(number)}


def test_without_a_gpu_each_run_gets_its_share_of_the_cores():
    assert local_workers(15, cores=8, free_bytes=64e9, gpus=0) == 8 * [threads(1)]
    assert local_workers(3, cores=8, free_bytes=64e9, gpus=0) == 3 * [threads(2)]


def test_memory_limits_how_many_run_at_once():
    assert local_workers(15, cores=8, free_bytes=5e9, gpus=0) == 2 * [threads(4)]
    assert local_workers(15, cores=8, free_bytes=1e9, gpus=0) == [threads(8)]


def test_each_worker_has_a_gpu_of_its_own_among_the_visible_ones():
    workers = local_workers(15, cores=16, free_bytes=128e9, gpus=2, visible="3,5")
    assert workers == [threads(8) | {"CUDA_VISIBLE_DEVICES": gpu} for gpu in ("3", "5")]
    workers = local_workers(9, 16, 128e9, gpus=2, asked=3)
    assert [worker["CUDA_VISIBLE_DEVICES"] for worker in workers] == ["0", "1", "0"]


def test_a_number_that_was_asked_for_is_taken():
    assert local_workers(15, cores=2, free_bytes=1e9, gpus=0, asked=4) == 4 * [threads(1)]


def test_missing_dask_is_named_with_the_cure(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments):
        if name.startswith("distributed"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install .*'\.\[cluster\]'"), connected(None, 1, 1):
        pass
