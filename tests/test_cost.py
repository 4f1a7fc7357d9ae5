import time

import numpy as np
import pytest

from fashion_mocluster.cost import measure


def test_result_time_and_memory():
    def work():
        block = np.ones(30_000_000)  # 240 MB, touched
        time.sleep(0.05)
        return block[0]

    result, cost = measure(work)
    assert result == 1
    assert cost.time_s >= 0.05
    assert 200 < cost.memory_mb < 400


def test_errors_pass_through():
    with pytest.raises(ZeroDivisionError):
        measure(lambda: 1 / 0)
