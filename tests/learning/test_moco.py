from collections import deque

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.moco import (
    EndToEndContrast,
    MomentumContrast,
    flush_denormal_gradients,
    info_nce,
    nearest_neighbor_keys,
)
from fashion_mocluster.learning.parameters import (
    EncoderParameters,
    MomentumQueueParameters,
    QuirkParameters,
)

TINY = EncoderParameters(blocks=[1], widths=[2])


def contrast(queue_size=4, **others):
    return MomentumQueueParameters(
        queue_size=queue_size,
        momentum_start=0.9,
        momentum_end=0.9,
        temperature_start=0.2,
        temperature_end=0.2,
        **others,
    )


def tiny_moco(queue_size=4, quirk=None, **others):
    encoder = build_encoder(TINY, (4, 4), 0)
    quirks = QuirkParameters(**{quirk: True}) if quirk else None
    return MomentumContrast(encoder, contrast(queue_size, **others), 0, quirks)


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


@settings(deadline=None, max_examples=20)
@given(size=st.integers(1, 7), batches=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_queue_is_a_bounded_deque(size, batches):
    moco = tiny_moco(size)
    expected = deque(map(tuple, moco.queue.tolist()), maxlen=size)
    owners = deque(maxlen=size)
    for seed, rows in enumerate(batches):
        keys = unit(rows, seed, dim=2)
        images = torch.arange(rows) + 100 * seed
        moco.enqueue(keys, images)
        expected.extend(map(tuple, keys.tolist()))
        owners.extend(zip(map(tuple, keys.tolist()), images.tolist(), strict=True))
    assert sorted(map(tuple, moco.queue.tolist())) == sorted(expected)
    kept = dict(zip(map(tuple, moco.queue.tolist()), moco.queue_images.tolist(), strict=True))
    assert all(kept[key] == image for key, image in owners)
    # The pointer names the oldest key.
    if size <= sum(batches):
        assert tuple(moco.queue[moco.pointer.item()].tolist()) == expected[0]


def test_key_encoder_follows_by_equation_2_and_gets_no_gradient():
    moco = tiny_moco()
    with torch.no_grad():
        moco.query_encoder.conv1.weight.add_(1)
    query, before = moco.query_encoder.conv1.weight, moco.key_encoder.conv1.weight.clone()
    moco.momentum_update(0.9)
    torch.testing.assert_close(moco.key_encoder.conv1.weight, 0.9 * before + 0.1 * query)
    assert not any(p.requires_grad for p in moco.key_encoder.parameters())


def test_state_dict_holds_queue_and_pointer():
    moco = tiny_moco()
    assert {"queue", "queue_images", "pointer"} <= set(moco.state_dict())
    torch.testing.assert_close(moco.queue.norm(dim=1), torch.ones(4))


def test_excluded_negatives_do_not_count():
    query, key, negatives = unit(3, 0), unit(3, 1), unit(4, 2)
    excluded = torch.tensor([[0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    expected = []
    for q, k, left_out in zip(query, key, excluded, strict=True):
        logits = torch.stack([q @ k, *(q @ n for n in negatives[~left_out])])
        expected.append(-(logits / 0.2).log_softmax(0)[0])
    loss, _ = info_nce(query, key, negatives, 0.2, excluded)
    torch.testing.assert_close(loss, torch.stack(expected).mean())


def test_earlier_keys_of_an_image_are_no_negatives_but_for_the_quirk():
    keys, images = unit(3, 0, dim=2), torch.tensor([7, 8, 9])
    moco = tiny_moco()
    moco.enqueue(keys, images)
    _, queue, excluded = moco.positives_and_negatives(unit(2, 1, dim=2), torch.tensor([9, 5]))
    assert torch.equal(queue[:3], keys)
    assert excluded.tolist() == [[False, False, True, False], [False] * 4]
    assert tiny_moco(quirk="keep_false_negatives").positives_and_negatives(keys, images)[2] is None


def test_nearest_keys_are_those_that_a_loop_finds_and_are_no_negatives():
    keys, queue = unit(5, 0), unit(9, 1)
    excluded = torch.rand(5, 9, generator=torch.Generator().manual_seed(2)) < 0.4
    positives, left_out = nearest_neighbor_keys(keys, queue, excluded)
    for i, key in enumerate(keys):
        allowed = [j for j in range(9) if not excluded[i, j]]
        nearest = max(allowed, key=lambda j, key=key: float(key @ queue[j]))
        assert torch.equal(positives[i], queue[nearest])
        assert left_out[i].tolist() == [excluded[i, j] or j == nearest for j in range(9)]


def test_a_nearest_positive_is_never_an_own_key():
    keys, images = unit(3, 0, dim=2), torch.tensor([7, 8, 9])
    moco = tiny_moco(positive="nearest_neighbor")
    moco.enqueue(keys, images)
    positives, _, excluded = moco.positives_and_negatives(keys, images)
    assert not any(torch.equal(p, k) for p, k in zip(positives, keys, strict=True))
    # Of each row its own key and its positive.
    assert excluded.sum(1).tolist() == [2, 2, 2]
    own_keys_too = tiny_moco(positive="nearest_neighbor", quirk="keep_false_negatives")
    own_keys_too.enqueue(keys, images)
    assert torch.equal(own_keys_too.positives_and_negatives(keys, images)[0], keys)


def test_the_queue_may_be_normalized_over_its_samples():
    moco = tiny_moco(quirk="normalize_queue_over_samples")
    _, queue, _ = moco.positives_and_negatives(unit(1, 0, dim=2), torch.tensor([0]))
    torch.testing.assert_close(queue.norm(dim=0), torch.ones(2))


def test_end_to_end_takes_the_other_keys_of_the_batch_and_trains_both_encoders():
    end_to_end = EndToEndContrast(build_encoder(TINY, (4, 4), 0))
    x = torch.rand(5, 1, 4, 4)
    queries, keys = end_to_end.query_encoder.project(x), end_to_end.key_encoder.project(x.flip(3))
    positives, negatives, excluded = end_to_end.positives_and_negatives(keys, torch.arange(5))
    loss, _ = info_nce(queries, positives, negatives, 0.2, excluded)
    # The positive is on the diagonal of all similarities: a plain cross entropy.
    torch.testing.assert_close(loss, F.cross_entropy(queries @ keys.T / 0.2, torch.arange(5)))
    loss.backward()
    trained = list(end_to_end.trained_parameters())
    assert len(trained) == 2 * len(list(end_to_end.query_encoder.parameters()))
    assert all(p.grad is not None for p in trained)


def test_tiny_gradients_become_zero_and_others_stay():
    x = torch.zeros(4, requires_grad=True)
    y = flush_denormal_gradients(x * 1.0)
    assert torch.equal(y, x)
    y.backward(torch.tensor([1e-40, -1e-30, -1e-20, 0.5]))
    torch.testing.assert_close(x.grad, torch.tensor([0, 0, -1e-20, 0.5]), rtol=1e-6, atol=0)
    assert flush_denormal_gradients(torch.ones(1)).item() == 1  # keys that are not trained


def test_a_saturated_softmax_gives_no_denormal_gradient():
    """Positives at similarity 1, negatives at 0, temperature 1 / 80: e to the power of -80 is left,
    which a few layers turn into a denormal number.
    """
    key = F.normalize(torch.eye(2, 8), dim=1)
    query = key.clone().requires_grad_()
    negatives = F.normalize(torch.eye(8)[4:], dim=1)
    bare = info_nce(query, key, negatives, 1 / 80)[0]
    (gradient,) = torch.autograd.grad(bare, query)
    assert (gradient != 0).any()
    assert gradient.abs().max() < 1e-30
    x = key.clone().requires_grad_()
    info_nce(flush_denormal_gradients(x * 1.0), key, negatives, 1 / 80)[0].backward()
    assert not x.grad.any()
