import itertools
import math

import pytest

from fashion_mocluster.learning import schedules
from fashion_mocluster.learning.parameters import MomentumQueueParameters, OptimizerParameters

CONTRAST = MomentumQueueParameters(
    queue_size=8, momentum_start=0.99, momentum_end=1, temperature_start=0.07, temperature_end=0.01
)


def rates(steps, epochs, step_cosine_per_batch=False, **options):
    parameters = OptimizerParameters(learning_rate=0.4, **options)
    return [
        schedules.learning_rate(parameters, s, steps, epochs, step_cosine_per_batch)
        for s in range(steps)
    ]


def test_constant():
    assert rates(10, 2, schedule="constant") == [0.4] * 10


def test_cosine_falls_from_peak_towards_the_final_rate():
    r = rates(100, 10, schedule="cosine", final_learning_rate=0.1)
    assert r[0] == 0.4
    assert r[50] == pytest.approx(0.25)
    assert all(a > b for a, b in itertools.pairwise(r))
    assert 0.1 < r[-1] < 0.1002


def test_warmup_rises_linearly_to_the_peak():
    r = rates(40, 4, schedule="cosine", warmup_epochs=1)
    assert r[:10] == pytest.approx([0.04 * (i + 1) for i in range(10)])
    assert max(r) == pytest.approx(0.4)


def test_a_cosine_stepped_per_batch_oscillates_and_returns_to_the_peak():
    """The period is given in epochs but counted in steps: 2 * epochs steps make a full cycle."""
    r = rates(60, 5, schedule="cosine", step_cosine_per_batch=True)
    assert r[5] == pytest.approx(0, abs=1e-12)
    assert r[10] == pytest.approx(0.4)
    assert r[20] == pytest.approx(0.4)


def test_temperature_is_exponential_between_its_ends():
    values = [schedules.temperature(CONTRAST, e, 11) for e in range(11)]
    assert values[0] == pytest.approx(0.07)
    assert values[-1] == pytest.approx(0.01)
    assert values[5] == pytest.approx(math.sqrt(0.07 * 0.01))
    assert schedules.temperature(CONTRAST, 0, 1) == 0.07


def test_momentum_follows_half_a_cosine():
    values = [schedules.key_momentum(CONTRAST, s, 100) for s in range(101)]
    assert values[0] == pytest.approx(0.99)
    assert values[50] == pytest.approx(0.995)
    assert values[100] == pytest.approx(1)
