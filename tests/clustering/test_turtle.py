import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, mutual_info_score, normalized_mutual_info_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import neighbors
from fashion_mocluster.clustering.neighbors import neighbor_graph, unit
from fashion_mocluster.clustering.turtle import (
    INIT_NOISE,
    INVERSE_TEMPERATURE,
    INVERSE_TEMPERATURE_OF_INIT,
    STARTS_TOGETHER,
    Turtle,
    center_and_scale,
    main_components,
    smooth,
)
from tests.clustering.plain_turtle import plain_turtle


@pytest.fixture
def groups():
    """Three groups of directions in 6 dimensions, crossed by three weaker ones."""
    rng = np.random.default_rng(0)
    truth, other = (rng.permutation(np.repeat([0, 1, 2], 100)) for _ in range(2))
    x = np.hstack([1.6 * np.eye(3)[truth], 1.0 * np.eye(3)[other]])
    return x + rng.normal(0, 0.1, (300, 6)), truth


@parametrize_with_checks([Turtle(n_init=1, n_steps=100)])
def test_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_finds_the_groups_that_stand_out_most(groups):
    x, truth = groups
    labels = Turtle(3, n_hops=0, n_steps=400, random_state=0).fit_predict(x)
    assert adjusted_rand_score(labels, truth) > 0.95


@pytest.mark.slow
def test_agrees_with_the_method_written_plainly(groups):
    x, _ = groups
    n_init = STARTS_TOGETHER + 1  # a whole group and one that is not
    model = Turtle(3, n_hops=0, n_init=n_init, n_steps=60, random_state=5).fit(x)
    points = center_and_scale(main_components(unit(x))).astype(np.float32)
    draw = np.random.RandomState(5).standard_normal((points.shape[1], 3 * n_init))
    plain = [plain_turtle(points, start, 3, 60, draw) for start in range(n_init)]
    np.testing.assert_allclose(model.losses_, [loss for _, loss in plain], rtol=1e-3)
    best = np.argmax(model.neighbor_mi_)
    assert (model.labels_ == plain[best][0]).mean() > 0.98


def test_smoothing_is_a_mean_over_neighbors_taken_repeatedly():
    x = np.random.default_rng(0).normal(size=(40, 3))
    nearest = NearestNeighbors(n_neighbors=5).fit(x).kneighbors(x, return_distance=False)
    expected = x
    for _ in range(3):
        expected = np.array([expected[row].mean(0) for row in nearest])
    np.testing.assert_allclose(smooth(x, neighbor_graph(x, 4), 3), expected)
    assert smooth(x, neighbor_graph(x, 4), 0) is x
    everyone = neighbor_graph(x, 99)
    np.testing.assert_allclose(smooth(x, everyone, 1), np.tile(x.mean(0), (40, 1)))


@pytest.mark.parametrize("shape", [(300, 40), (30, 40)])
def test_nearly_all_variance_is_in_the_components_that_are_kept(shape):
    """Against the singular values of the centered points."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) * 0.8 ** np.arange(40) + 5
    kept = main_components(x)
    variances = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    shares = variances.cumsum() / variances.sum()
    assert kept.shape == (len(x), np.flatnonzero(shares > 0.995)[0] + 1)
    assert kept.shape[1] < 25
    np.testing.assert_allclose((kept**2).sum(0), variances[: kept.shape[1]])


def test_points_that_are_all_the_same_stay_as_they_are():
    x = np.ones((5, 3))
    assert main_components(x) is x


def test_the_start_with_the_most_neighbor_mutual_information_wins(groups):
    """Mutual information between a point's cluster and its neighbors', by scikit-learn."""
    x, _ = groups
    starts = []

    class RecordingTurtle(Turtle):
        def _anneal(self, *arguments):
            starts.append(super()._anneal(*arguments))
            return starts[-1]

    model = RecordingTurtle(5, n_neighbors=6, n_init=6, n_steps=40, random_state=0).fit(x)
    ((labels, losses),) = starts
    near = NearestNeighbors(n_neighbors=6).fit(unit(x)).kneighbors(return_distance=False)
    # Each pair counts both ways, for who is whose neighbor does not matter.
    one, other = np.repeat(labels, 6, axis=1), labels[:, near.ravel()]
    expected = [
        mutual_info_score(np.r_[a, b], np.r_[b, a]) for a, b in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(model.neighbor_mi_, expected)
    np.testing.assert_array_equal(model.labels_, labels[np.argmax(expected)])
    assert np.argmax(expected) != np.argmin(losses)  # or the test would show nothing


def test_the_start_that_agrees_most_with_the_initial_labels_wins(groups):
    x, truth = groups
    weaker = x[:, 3:].argmax(1)
    model = Turtle(3, n_init=8, n_hops=0, n_steps=40, random_state=0).fit(x)
    assert model.init_nmi_ is None
    assert adjusted_rand_score(model.labels_, truth) > 0.9  # what stands out most, else
    model.fit(x, init_labels=weaker)
    agrees = normalized_mutual_info_score(weaker, model.labels_)
    assert model.init_nmi_.shape == (8,)
    assert agrees == pytest.approx(model.init_nmi_.max())
    assert agrees > 0.9


@pytest.mark.parametrize("clusters", [[0, 1, 2], [0, 2, 2]])
def test_starts_are_around_the_means_of_the_initial_clusters(groups, clusters):
    x, truth = groups
    init_labels = np.array(clusters)[truth]
    starts = []

    class RecordingTurtle(Turtle):
        def _optimize(self, x, weights, *arguments):
            starts.append((x, weights))
            assert arguments[-1] == INVERSE_TEMPERATURE_OF_INIT > INVERSE_TEMPERATURE[0]
            return super()._optimize(x, weights, *arguments)

    RecordingTurtle(3, n_init=STARTS_TOGETHER + 1, n_hops=0, n_steps=1).fit(
        x, init_labels=init_labels
    )
    x, weights = starts[0][0], np.concatenate([weights for _, weights in starts])
    first, others = weights[0], weights[1:]
    for cluster in set(clusters):
        mean = x[init_labels == cluster].mean(0)
        np.testing.assert_allclose(first[cluster], mean / np.linalg.norm(mean), rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    distance = np.linalg.norm(others - first, axis=2)
    np.testing.assert_allclose(distance, INIT_NOISE, rtol=1e-4)


@pytest.mark.parametrize("wrong", [-1, 3])
def test_initial_labels_of_other_clusters_are_refused(groups, wrong):
    x, truth = groups
    with pytest.raises(ValueError, match="init_labels are .*should be 0 to 2"):
        Turtle(3, n_steps=5).fit(x, init_labels=np.where(truth == 1, wrong, truth))


def test_initial_labels_of_other_points_are_refused(groups):
    with pytest.raises(ValueError, match="inconsistent numbers of samples: \\[300, 299\\]"):
        Turtle(3, n_steps=5).fit(groups[0], init_labels=groups[1][1:])


def test_clusters_are_of_similar_size():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (500, 4)), rng.normal([4, 0, 0, 0], 0.5, (100, 4))])
    sizes = np.bincount(Turtle(3, random_state=0).fit_predict(x))
    assert np.ptp(sizes) < 40


def test_threads_change_nothing(groups):
    models = []
    for threads in (1, 2):
        neighbors.search.cache_clear()
        with threadpool_limits(threads):
            models.append(Turtle(3, n_steps=50, random_state=0).fit(groups[0]))
    one, two = models
    np.testing.assert_array_equal(one.labels_, two.labels_)
    np.testing.assert_array_equal(one.losses_, two.losses_)


def test_more_clusters_than_points_are_refused():
    with pytest.raises(ValueError, match="n_samples=5 should be >= n_clusters=6"):
        Turtle(6).fit(np.eye(5))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        Turtle(1).fit(np.eye(1))
