import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fashion_mocluster.learning.centres import LearnableCentres
from fashion_mocluster.learning.parameters import CentresParameters


def centres_at(points, weight=1.0, temperature=0.5):
    parameters = CentresParameters(balance_weight=weight, temperature=temperature)
    centres = LearnableCentres(len(points), len(points[0]), parameters)
    with torch.no_grad():
        centres.centres.copy_(torch.tensor(points))
    return centres


def z(rows=20, seed=0):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
def test_loss_is_conditional_less_marginal_entropy(weight):
    points = z(3, 1)
    loss = centres_at(points.tolist(), weight).loss(z()).item()
    unit = (F.normalize(z(), dim=1) @ F.normalize(points, dim=1).T).numpy() / 0.5
    q = np.exp(unit) / np.exp(unit).sum(1, keepdims=True)
    entropy = [-sum(p * np.log(p) for p in row) for row in q]
    mean = q.mean(0)
    expected = np.mean(entropy) + weight * sum(p * np.log(p) for p in mean)
    assert loss == pytest.approx(expected, rel=1e-5)


def test_all_in_one_is_best_without_the_guard_and_worst_with_it():
    one = torch.tensor([[1.0, 0, 0, 0]]).repeat(8, 1)
    two = torch.cat([one[:4], -one[:4]])
    points = [[1.0, 0, 0, 0], [-1.0, 0, 0, 0]]
    bare, guarded = centres_at(points, 0, 0.1), centres_at(points, 1, 0.1)
    assert bare.loss(one).item() == pytest.approx(bare.loss(two).item(), abs=1e-3)
    assert guarded.loss(two) < guarded.loss(one) - 0.6


def test_centres_start_at_the_direction_of_their_images():
    labels = np.array([0, 1] * 10)
    centres = LearnableCentres(3, 4, CentresParameters())
    centres.start_from(z(), labels)
    torch.testing.assert_close(centres.centres[1], F.normalize(z()[1::2].mean(0), dim=0))
    assert torch.equal(centres.centres[2], torch.zeros(4))  # nobody's


def test_gradients_reach_embeddings_and_centres():
    centres, leaf = centres_at(z(3, 1).tolist()), z().requires_grad_()
    labels = centres.labels(leaf)
    surrogate = centres.surrogate(leaf, labels)
    found = centres.centres.grad.clone()
    (by_z, by_centre) = torch.autograd.grad(centres.loss(leaf), [leaf, centres.centres])
    torch.testing.assert_close(surrogate.gradient, by_z)
    torch.testing.assert_close(found, by_centre)
    assert set(labels) <= {0, 1, 2}
