"""How work and bytes grow with pictures and workers."""

import pytest

from tests.benchmarks.scaling import Speeds, main, stages

SPEED = Speeds(decode=0.01, features=0.001, training=0.002, product=1e-12)


def test_shards_divide_the_work_and_samples_do_not():
    one, eight = (stages(1e7, workers, SPEED).set_index("stage") for workers in (1, 8))
    shards = ["read and decode", "features", "clusters of all"]
    assert (one["seconds"] / eight["seconds"])[shards].to_list() == pytest.approx([8, 8, 8])
    samples = ["k-means, faiss", "scores"]
    assert one["seconds"][samples].to_list() == eight["seconds"][samples].to_list()
    assert one["seconds"]["features"] == pytest.approx(1e4)
    assert one["sent"].eq(0).all()


def test_pairs_grow_with_the_square_and_lists_do_not():
    few, many = (stages(n, 1, SPEED).set_index("stage")["seconds"] for n in (1e6, 1e8))
    assert many["neighbors, all pairs"] / few["neighbors, all pairs"] == pytest.approx(1e4)
    lists = "neighbors, IVF-PQ"
    assert many[lists] / few[lists] == pytest.approx(1e3)


@pytest.mark.slow
@pytest.mark.xdist_group("backbone")
def test_it_measures_and_tells(monkeypatch, capsys):
    monkeypatch.setattr("tests.benchmarks.scaling.try_two", lambda *_: None)
    table = main(8)
    assert table["seconds"].gt(0).all()
    assert "hours of each worker" in capsys.readouterr().out
