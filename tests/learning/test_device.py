import pytest
import torch

from fashion_mocluster.learning.device import pick_device, pick_precision
from fashion_mocluster.learning.parameters import ComputeParameters

CPU = torch.device("cpu")


def test_auto_finds_a_device():
    assert pick_device(ComputeParameters()).type in ("cuda", "mps", "cpu")


def test_one_of_several_gpus_can_be_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device(ComputeParameters(device="cuda:1")) == torch.device("cuda", 1)
    assert pick_device(ComputeParameters()) == torch.device("cuda")
    with pytest.raises(ValueError, match=r"'cuda:2', which this machine lacks.*'cuda:1'"):
        pick_device(ComputeParameters(device="cuda:2"))


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="compute.device is 'cuda'"):
        pick_device(ComputeParameters(device="cuda"))


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "Intel Xeon"}, torch.float32),
        ({"avx512_bf16": True, "amx_bf16": True, "cpu_name": "Intel Xeon"}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False, "cpu_name": "AMD EPYC"}, torch.bfloat16),
        ({"avx512_bf16": False, "cpu_name": "AMD EPYC"}, torch.float32),
        ({"architecture": "aarch64"}, torch.float32),
    ],
)
def test_auto_precision_follows_from_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert pick_precision(ComputeParameters(), CPU) is expected


def test_a_named_precision_is_taken():
    assert pick_precision(ComputeParameters(precision="bfloat16"), CPU) is torch.bfloat16
