import numpy as np
import pytest
import torch
from sklearn import metrics

from fashion_mocluster.learning.parameters import SurrogateParameters
from fashion_mocluster.learning.surrogate import surrogate_loss

ALL = SurrogateParameters(
    silhouette_weight=1, davies_bouldin_weight=0.5, calinski_harabasz_weight=0.3, chunk=17
)


def embeddings(n=90, dim=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    return torch.tensor(rng.normal(size=(n, dim)) + labels[:, None], dtype=torch.float64), labels


def evaluate(z, labels, parameters=ALL):
    return surrogate_loss(z, torch.as_tensor(labels), parameters)


def test_indices_are_those_of_scikit_learn():
    z, labels = embeddings()
    result = evaluate(z, labels)
    assert result.silhouette == pytest.approx(metrics.silhouette_score(z, labels), abs=1e-6)
    assert result.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(z, labels), abs=1e-6)
    expected = metrics.calinski_harabasz_score(z, labels)
    assert result.calinski_harabasz == pytest.approx(expected, rel=1e-6)


def test_loss_is_the_weighted_sum():
    result = evaluate(*embeddings())
    expected = (
        -result.silhouette
        + 0.5 * result.davies_bouldin
        - 0.3 * np.log1p(result.calinski_harabasz) / 10
    )
    assert result.loss == pytest.approx(expected)


def test_gradient_against_finite_differences():
    z, labels = embeddings(n=24, dim=3)
    gradient = evaluate(z, labels).gradient
    for i, j in ((0, 0), (5, 2), (17, 1)):
        shifted = z.clone()
        losses = []
        for step in (1e-5, -1e-5):
            shifted[i, j] = z[i, j] + step
            losses.append(evaluate(shifted, labels).loss)
        assert gradient[i, j].item() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-4)


@pytest.mark.parametrize("chunk", [1, 7, 90, 1000])
def test_chunks_change_nothing(chunk):
    z, labels = embeddings()
    one, other = evaluate(z, labels), evaluate(z, labels, ALL.model_copy(update={"chunk": chunk}))
    assert other.loss == pytest.approx(one.loss)
    torch.testing.assert_close(other.gradient, one.gradient)


def test_equal_points_and_single_members_give_finite_gradients():
    z = torch.zeros(8, 3)
    z[4:] = 1
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 2])
    result = evaluate(z, labels)
    assert np.isfinite(result.loss)
    assert torch.isfinite(result.gradient).all()
    expected = metrics.silhouette_score(z, labels)
    assert result.silhouette == pytest.approx(expected, abs=1e-4)


def test_labels_may_have_gaps():
    z, labels = embeddings()
    assert evaluate(z, labels * 3 + 5).loss == pytest.approx(evaluate(z, labels).loss)


@pytest.mark.parametrize("labels", [[0] * 6, list(range(6))])
def test_one_cluster_or_only_single_members_are_refused(labels):
    with pytest.raises(ValueError, match="clusters"):
        evaluate(torch.rand(6, 2), labels)


def test_following_the_gradient_tightens_the_clusters():
    z, labels = embeddings()
    parameters = SurrogateParameters()
    before = evaluate(z, labels, parameters)
    after = evaluate(z - 5 * before.gradient, labels, parameters)
    assert after.silhouette > before.silhouette
