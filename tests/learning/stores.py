"""What tests of trainings share: checkpoint stores in memory, of which one dies as a killed process does,
and tiny weights.
"""

import copy

import numpy as np
import pytest
import torch

from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.parameters import EncoderParameters, PreprocessingParameters
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights


class MemoryStore:
    """Keeps the states themselves, not copies."""

    def __init__(self):
        self.states = {}

    def save(self, name, state):
        self.states[name] = state

    def load(self, name):
        return self.states.get(name)

    def names(self):
        return sorted(self.states)

    def remove(self, name):
        del self.states[name]

    def where(self, name):
        return f"{name!r} in memory"


class Killed(Exception):
    """Stands for a process that dies."""


class DyingStore(MemoryStore):
    """Keeps copies, as a disk does, and dies after ``saves`` saves of the last checkpoint."""

    def __init__(self, saves=None):
        super().__init__()
        self.saves = saves

    def save(self, name, state):
        super().save(name, copy.deepcopy(state))
        if name == "last" and self.saves is not None:
            self.saves -= 1
            if self.saves == 0:
                raise Killed


def assert_resumes(train, saves):
    """A training that is killed after ``saves`` checkpoints ends bit for bit as the whole one, which is
    returned; ``train`` gets a store.
    """
    whole, store = train(DyingStore()), DyingStore(saves)
    with pytest.raises(Killed):
        train(store)
    resumed = train(store)
    assert same_weights(whole.weights, resumed.weights)
    assert whole.history == resumed.history
    assert [cost["epoch"] for cost in resumed.costs] == [row["epoch"] for row in whole.history]
    np.testing.assert_array_equal(whole.assignments, resumed.assignments)
    return whole


def weights_of(seed=0, size=(12, 12), **architecture):
    """Random weights of a tiny encoder of images of a height and width."""
    parameters = EncoderParameters(**{"blocks": [1, 1], "widths": [4, 6], **architecture})
    encoder = build_encoder(parameters, size, seed)
    return EncoderWeights.of(encoder, PreprocessingParameters(), PixelStatistics(127, 70))


def same_weights(a, b):
    """Whether two EncoderWeights agree bit for bit."""
    return all(torch.equal(a.state[name], b.state[name]) for name in a.state)
