import pytest
import torch

from fashion_mocluster.learning import device
from fashion_mocluster.learning.device import pick_device, pick_precision
from fashion_mocluster.learning.parameters import ComputeParameters


def test_auto_finds_a_device():
    assert pick_device(ComputeParameters()).type in ("cuda", "mps", "cpu")


def test_a_device_that_is_not_there_is_refused():
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    if absent == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has every device")
    with pytest.raises(ValueError, match=f"compute.device is '{absent}'"):
        pick_device(ComputeParameters(device=absent))


@pytest.mark.parametrize(("speedup", "expected"), [(0.5, torch.float32), (2.0, torch.bfloat16)])
def test_auto_takes_bfloat16_only_where_it_is_faster(monkeypatch, speedup, expected):
    monkeypatch.setattr(device, "_bfloat16_speedup", lambda: speedup)
    assert pick_precision(ComputeParameters(), torch.device("cpu")) == expected


def test_a_named_precision_is_taken():
    cpu = torch.device("cpu")
    assert pick_precision(ComputeParameters(precision="bfloat16"), cpu) == torch.bfloat16


def test_asking_the_cpu_gives_a_ratio():
    assert 0 <= device._bfloat16_speedup() < 100
