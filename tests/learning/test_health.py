import logging

import pytest
import torch

from fashion_mocluster.learning.health import effective_rank, spread, warn_of_collapse

GOOD = {"epoch": 3, "spread": 0.9, "effective_rank": 20.0}


def test_effective_rank():
    assert effective_rank(torch.ones(10, 4)) == pytest.approx(1, abs=1e-3)
    assert effective_rank(torch.eye(4)) == pytest.approx(4)


def test_spread_is_0_for_one_direction_and_1_for_directions_that_cancel():
    assert spread(torch.ones(10, 4) * torch.arange(1, 11)[:, None]) == pytest.approx(0, abs=1e-3)
    assert spread(torch.cat([torch.eye(4), -torch.eye(4)])) == pytest.approx(1)


def test_vectors_that_are_all_zero_are_a_collapse(caplog):
    dead = torch.zeros(10, 4)
    row = {"epoch": 3, "spread": spread(dead), "effective_rank": effective_rank(dead)}
    warn_of_collapse("moco", row)
    assert "collapsing (spread 0.000, effective rank 0.0)" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spread": 0.01}, "moco: epoch 3: the embeddings are collapsing"),
        ({"effective_rank": 1.1}, "collapsing"),
        ({"largest_share": 0.95}, "one cluster holds 95% of the images"),
        ({"empty_clusters": 2}, "2 of the clusters asked for are empty"),
    ],
)
def test_each_sign_is_warned_about(change, message, caplog):
    warn_of_collapse("moco", GOOD | change)
    assert message in caplog.text


def test_a_healthy_epoch_is_no_news(caplog):
    with caplog.at_level(logging.DEBUG):
        warn_of_collapse("moco", GOOD | {"largest_share": 0.2, "empty_clusters": 0})
    assert not caplog.records
