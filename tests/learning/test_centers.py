import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fashion_mocluster.learning.centers import LearnableCenters
from fashion_mocluster.learning.parameters import CentersParameters


def centers_at(points, weight=1.0, temperature=0.5):
    parameters = CentersParameters(balance_weight=weight, temperature=temperature)
    centers = LearnableCenters(len(points), len(points[0]), parameters)
    with torch.no_grad():
        centers.centers.copy_(torch.tensor(points))
    return centers


def z(rows=20, seed=0):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
def test_loss_is_conditional_less_marginal_entropy(weight):
    points = z(3, 1)
    loss = centers_at(points.tolist(), weight).loss(z()).item()
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
    bare, guarded = centers_at(points, 0, 0.1), centers_at(points, 1, 0.1)
    assert bare.loss(one).item() == pytest.approx(bare.loss(two).item(), abs=1e-3)
    assert guarded.loss(two) < guarded.loss(one) - 0.6


def test_centers_start_at_the_direction_of_their_images():
    labels = np.array([0, 1] * 10)
    centers = LearnableCenters(3, 4, CentersParameters())
    centers.start_from(z(), labels)
    torch.testing.assert_close(centers.centers[1], F.normalize(z()[1::2].mean(0), dim=0))
    assert torch.equal(centers.centers[2], torch.zeros(4))  # nobody's


def test_gradients_reach_embeddings_and_centers():
    centers, leaf = centers_at(z(3, 1).tolist()), z().requires_grad_()
    labels = centers.labels(leaf)
    surrogate = centers.surrogate(leaf, labels)
    found = centers.centers.grad.clone()
    (by_z, by_center) = torch.autograd.grad(centers.loss(leaf), [leaf, centers.centers])
    torch.testing.assert_close(surrogate.gradient, by_z)
    torch.testing.assert_close(found, by_center)
    assert set(labels) <= {0, 1, 2}
