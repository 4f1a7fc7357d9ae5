import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits
from torch.nn import functional

from fashion_mocluster.clustering.neighbours import unit
from fashion_mocluster.clustering.turtle import (
    BALANCE,
    INNER_STEPS,
    LEARNING_RATE,
    SHARPNESS,
    Turtle,
    filtered,
    standardised,
)


@pytest.fixture
def two_spaces():
    """Three groups that both spaces show, and three stronger ones that only one of them does."""
    rng = np.random.default_rng(0)
    shared, first, second = (rng.permutation(np.repeat([0, 1, 2], 100)) for _ in range(3))
    spaces = [
        np.hstack([1.0 * np.eye(3)[shared], 1.6 * np.eye(3)[alone]]) + rng.normal(0, 0.1, (300, 6))
        for alone in (first, second)
    ]
    return np.hstack(spaces), shared, first


@parametrize_with_checks([Turtle(n_init=1, n_steps=100)])
def test_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_finds_what_the_spaces_share(two_spaces):
    x, shared, first = two_spaces
    joined = Turtle(3, n_spaces=2, n_rounds=0, n_steps=400, random_state=0).fit_predict(x)
    assert adjusted_rand_score(joined, shared) > 0.95
    alone = Turtle(3, n_rounds=0, n_steps=400, random_state=0).fit_predict(x[:, :6])
    assert adjusted_rand_score(alone, first) > 0.95


def plain_turtle(spaces, start, n_clusters, n_steps, draws):
    """TURTLE as the paper has it, by autograd and one start at a time, on all points at once."""
    x = [torch.from_numpy(space) for space in spaces]
    columns = slice(start * n_clusters, (start + 1) * n_clusters)
    weights = [torch.tensor(0.1 * draw[:, columns], dtype=torch.float32) for draw in draws]
    biases = [torch.zeros(n_clusters) for _ in x]
    layers = [torch.nn.Linear(a.shape[1], n_clusters) for a in x]
    for layer in layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    for parameter in weights + biases:
        parameter.requires_grad_()
    outer = torch.optim.Adam(weights + biases, lr=LEARNING_RATE)
    inner = torch.optim.Adam([p for a in layers for p in a.parameters()], lr=LEARNING_RATE)

    def proposed(sharpness):
        unit_weights = [w / w.norm(dim=0) for w in weights]
        return [
            torch.softmax(sharpness * a @ w + b, 1)
            for a, w, b in zip(x, unit_weights, biases, strict=True)
        ]

    def errors(labels):
        predictions = [layer(a) for layer, a in zip(layers, x, strict=True)]
        return sum(functional.cross_entropy(p, labels) for p in predictions)

    for step in range(n_steps):
        proposals = proposed(SHARPNESS[0] * (SHARPNESS[1] / SHARPNESS[0]) ** (step / n_steps))
        labels = sum(proposals) / len(x)
        for _ in range(INNER_STEPS):
            inner.zero_grad()
            errors(labels.detach()).backward()
            inner.step()
        entropy = sum(torch.special.entr(p.mean(0)).sum() for p in proposals)
        outer.zero_grad()
        (errors(labels) - BALANCE * entropy).backward()
        outer.step()
    with torch.no_grad():
        labels = sum(proposed(SHARPNESS[1])) / len(x)
        return labels.argmax(1).numpy(), float(errors(labels)) / len(x)


def test_agrees_with_the_method_written_plainly(two_spaces):
    x, _, _ = two_spaces
    model = Turtle(3, n_spaces=2, n_rounds=0, n_init=2, n_steps=60, random_state=5).fit(x)
    random_state = np.random.RandomState(5)
    draws = [random_state.standard_normal((6, 6)) for _ in range(2)]
    spaces = [standardised(unit(part)) for part in np.split(x, 2, axis=1)]
    plain = [plain_turtle(spaces, start, 3, 60, draws) for start in range(2)]
    np.testing.assert_allclose(model.losses_, [loss for _, loss in plain], rtol=1e-3)
    best = np.argmin([loss for _, loss in plain])
    assert (model.labels_ == plain[best][0]).mean() > 0.98


def test_filter_is_a_mean_over_neighbours_taken_again():
    x = np.random.default_rng(0).normal(size=(40, 3))
    nearest = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(x, return_distance=False)
    expected = x
    for _ in range(3):
        expected = np.array([expected[row].mean(0) for row in nearest])
    np.testing.assert_allclose(filtered(x, 4, 3), expected)
    assert filtered(x, 4, 0) is x
    np.testing.assert_allclose(filtered(x, 99, 1), np.tile(x.mean(0), (40, 1)))


def test_clusters_are_of_similar_size():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (500, 4)), rng.normal([4, 0, 0, 0], 0.5, (100, 4))])
    sizes = np.bincount(Turtle(3, random_state=0).fit_predict(x))
    assert np.ptp(sizes) < 40


def test_threads_change_nothing(two_spaces):
    labels = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            labels.append(
                Turtle(3, n_spaces=2, n_steps=50, random_state=0).fit_predict(two_spaces[0])
            )
    np.testing.assert_array_equal(*labels)


def test_columns_that_are_no_spaces_are_refused():
    with pytest.raises(ValueError, match="5 columns are not n_spaces=2 of equal width"):
        Turtle(2, n_spaces=2).fit(np.eye(5))
    with pytest.raises(ValueError, match="n_samples=5 should be >= n_clusters=6"):
        Turtle(6).fit(np.eye(5))
