import time

import numpy as np
import pytest

from fashion_mocluster.cost import measure, resident_bytes


def test_result_time_and_memory():
    def work():
        block = np.ones(10_000_000)  # 80 MB, touched
        time.sleep(0.05)
        return block[0]

    result, cost = measure(work)
    assert result == 1
    assert cost.time_s >= 0.05
    assert 70 < cost.memory_mb < 150


def test_errors_pass_through():
    with pytest.raises(ZeroDivisionError):
        measure(lambda: 1 / 0)


def test_growth_counts_from_the_bytes_given():
    """As training does: what was there before an epoch, but not before the training, counts."""
    block = np.ones(10_000_000)
    _, cost = measure(lambda: None, before=resident_bytes() - block.nbytes)
    assert 70 < cost.memory_mb < 150
