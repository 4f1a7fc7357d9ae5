import pytest
import torch

from fashion_mocluster.learning.device import pick_device
from fashion_mocluster.learning.parameters import ComputeParameters


def test_auto_finds_a_device():
    assert pick_device(ComputeParameters()).type in ("cuda", "mps", "cpu")


def test_a_device_that_is_not_there_is_refused():
    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    if absent == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has every device")
    with pytest.raises(ValueError, match=f"compute.device is '{absent}'"):
        pick_device(ComputeParameters(device=absent))
