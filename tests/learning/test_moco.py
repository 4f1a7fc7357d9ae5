from collections import deque

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.moco import MomentumContrast, info_nce
from fashion_mocluster.learning.parameters import EncoderParameters

TINY = EncoderParameters(blocks=[1], widths=[2])


def unit(rows, seed, dim=8):
    return F.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_info_nce_is_the_cross_entropy_of_the_concatenated_logits(temperature):
    query, key, negatives = unit(5, 0), unit(5, 1), unit(11, 2)
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ negatives.T], 1) / temperature
    expected = F.cross_entropy(logits, torch.zeros(5, dtype=torch.long))
    loss, positive = info_nce(query, key, negatives, temperature)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(positive, (query * key).sum(1).mean())


def test_info_nce_of_a_collapsed_encoder_is_log_of_one_plus_the_queue():
    same = torch.ones(4, 1)
    loss, _ = info_nce(same, same, torch.ones(9, 1), 0.2)
    assert loss.item() == pytest.approx(torch.log(torch.tensor(10.0)).item())


def test_info_nce_survives_a_tiny_temperature():
    loss, _ = info_nce(unit(3, 0), unit(3, 0), unit(5, 1), 1e-4)
    assert torch.isfinite(loss)


@settings(deadline=None, max_examples=40)
@given(size=st.integers(1, 7), batches=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_queue_is_a_bounded_deque(size, batches):
    moco = MomentumContrast(build_encoder(TINY, (4, 4), 0), size, 0)
    expected = deque(map(tuple, moco.queue.tolist()), maxlen=size)
    for seed, rows in enumerate(batches):
        keys = unit(rows, seed, dim=2)
        moco.enqueue(keys)
        expected.extend(map(tuple, keys.tolist()))
    assert sorted(map(tuple, moco.queue.tolist())) == sorted(expected)
    # The pointer names the oldest key.
    if size <= sum(batches):
        assert tuple(moco.queue[moco.pointer.item()].tolist()) == expected[0]


def test_key_encoder_follows_by_equation_2_and_gets_no_gradient():
    moco = MomentumContrast(build_encoder(TINY, (4, 4), 0), 4, 0)
    with torch.no_grad():
        moco.query_encoder.conv1.weight.add_(1)
    query, before = moco.query_encoder.conv1.weight, moco.key_encoder.conv1.weight.clone()
    moco.update_key_encoder(0.9)
    torch.testing.assert_close(moco.key_encoder.conv1.weight, 0.9 * before + 0.1 * query)
    assert not any(p.requires_grad for p in moco.key_encoder.parameters())


def test_state_dict_holds_queue_and_pointer():
    moco = MomentumContrast(build_encoder(TINY, (4, 4), 0), 4, 0)
    assert {"queue", "pointer"} <= set(moco.state_dict())
    torch.testing.assert_close(moco.queue.norm(dim=1), torch.ones(4))
