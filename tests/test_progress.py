import logging

from fashion_mocluster import progress


def test_rate_and_time_left_every_few_seconds(monkeypatch, caplog):
    clock = iter([100.0, 104.0, 110.0, 111.0, 150.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    lines = progress.Progress("embedding", 1000)
    with caplog.at_level(logging.INFO):
        for count in (100, 100, 100, 600):
            lines.add(count)
    assert caplog.messages == [
        "embedding: 200 of 1,000 images  20 images/s  0:40 left",
        "embedding: 900 of 1,000 images  18 images/s  0:06 left",
    ]
