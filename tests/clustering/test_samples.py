"""Of very many points, here more than 500, methods see a sample; the limit itself is lowered."""

import logging

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from fashion_mocluster.clustering import clusterers, neighbors, projection, scores, screening
from fashion_mocluster.clustering.parameters import (
    GaussianMixtureParameters,
    HdbscanParameters,
    KMeansParameters,
    SpectralParameters,
    TurtleParameters,
    UmapParameters,
    WardParameters,
)
from fashion_mocluster.clustering.samples import sample
from fashion_mocluster.clustering.screening import Screened, cluster_screened


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr("fashion_mocluster.clustering.parameters.FEW", 300)
    for clusterer in (SpectralParameters, GaussianMixtureParameters, TurtleParameters):
        monkeypatch.setattr(clusterer, "most_points_alone", 500)
    for clusterer in (WardParameters, HdbscanParameters):
        monkeypatch.setattr(clusterer, "most_points_alone", 300)
    monkeypatch.setattr(projection, "FEW", 300)
    monkeypatch.setattr(screening, "MANY", 300)
    monkeypatch.setattr(clusterers, "KMEANS_SAMPLE", 200)
    monkeypatch.setattr(clusterers, "KMEANS_POINTS_OF_CLUSTER", 50)
    monkeypatch.setattr(clusterers, "ALL_PAIRS", 500)
    monkeypatch.setattr(clusterers, "FEW", 300)
    monkeypatch.setattr(neighbors, "ALL_PAIRS", 500)
    neighbors.search.cache_clear()


def groups(count=1200):
    """Four groups of unequal size around different directions, and which is which."""
    rng = np.random.default_rng(0)
    truth = rng.choice(4, count, p=[0.4, 0.3, 0.2, 0.1])
    x = 4 * np.eye(4, 8)[truth] + 0.4 * rng.normal(size=(count, 8))
    return x.astype(np.float32), truth


@pytest.mark.parametrize(
    "parameters",
    [
        *(KMeansParameters(), SpectralParameters(), GaussianMixtureParameters()),
        *(WardParameters(), TurtleParameters(n_init=2), HdbscanParameters(min_cluster_size=15)),
    ],
)
def test_every_method_sorts_what_it_did_not_see(parameters, caplog):
    caplog.set_level(logging.INFO)
    x, truth = groups()
    aside = Screened(np.arange(1200), np.arange(1200) < 20)
    aside.representative[30] = 40
    labels = cluster_screened(x, aside, parameters, 4, seed=0)
    assert labels[30] == labels[40]
    least = 0.7 if parameters.assumes_equal_sizes else 0.9
    assert adjusted_rand_score(labels, truth) > least
    assert len([line for line in caplog.messages if "random sample of" in line]) >= 1


@pytest.mark.parametrize(
    ("parameters", "is_sampled"),
    [
        *((SpectralParameters(), False), (TurtleParameters(n_init=2), False)),
        *((WardParameters(), True), (HdbscanParameters(), True)),
        (KMeansParameters(umap=UmapParameters(n_epochs=10)), True),
    ],
)
def test_slow_methods_see_a_sample_of_fewer_points_already(parameters, is_sampled, caplog):
    caplog.set_level(logging.INFO)
    x, _ = groups(400)
    itself = Screened(np.arange(400), np.zeros(400, bool))
    labels = cluster_screened(x, itself, parameters, 4, seed=0)
    assert len(labels) == 400
    assert ("of 400 images a random sample of 300" in caplog.text) == is_sampled


def test_k_means_of_a_sample_is_hardly_worse_than_of_all():
    x, _ = groups()
    labels = clusterers.cluster(x, KMeansParameters(), 8, seed=0)
    of_all = KMeans(8, n_init=10, random_state=0).fit(x)
    means = np.array([x[labels == label].mean(0) for label in range(8)])
    assert np.square(x - means[labels]).sum() < 1.03 * of_all.inertia_


def test_k_means_of_many_dimensions_starts_in_a_sample_and_ends_as_of_all(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(neighbors, "DIMENSIONS", 2)  # as much work as 1,600 points of two
    x, _ = groups(400)
    labels = clusterers.cluster(x, KMeansParameters(), 4, seed=0)
    of_all = KMeans(4, n_init=10, random_state=0).fit(x)
    assert adjusted_rand_score(labels, of_all.labels_) == 1
    assert "where k-means starts: of 400 images a random sample of 300" in caplog.text


def test_a_sample_is_said_and_few_points_are_all_taken(caplog):
    caplog.set_level(logging.INFO)
    rows = np.arange(500)
    assert sample(rows, 500, 0, "this") is rows
    assert not caplog.messages
    some = sample(np.arange(10, 2010), 300, 0, "this")
    assert (len(np.unique(some)), some.min() >= 10, (np.diff(some) > 0).all()) == (300, True, True)
    assert caplog.messages[0].startswith("this: of 2000 images a random sample of 300")
    assert len(caplog.messages) == 1


def test_the_silhouette_of_a_sample_is_within_its_standard_error(monkeypatch):
    monkeypatch.setattr(scores, "SILHOUETTE_SAMPLE", 150)
    x, truth = groups()
    truth[:200] = 0  # not all silhouettes are alike
    every = silhouette_samples(x, truth)
    found = scores.silhouette(x, truth, block=64)
    assert found.standard_error == pytest.approx(
        every.std() * np.sqrt((1 - 150 / 1200) / 150), rel=0.2
    )
    assert 0 < abs(found.value - every.mean()) < 3 * found.standard_error
    result = scores.label_free_scores(x, truth)
    # Sums of blocks of another size are rounded otherwise.
    assert (result["silhouette"], result["silhouette_se"]) == pytest.approx(found, rel=1e-6)


def test_of_many_dimensions_fewer_points_are_all_compared(monkeypatch):
    monkeypatch.setattr(scores, "SILHOUETTE_SAMPLE", 150)
    x, truth = groups(400)
    assert scores.silhouette(x, truth).standard_error == 0
    monkeypatch.setattr(neighbors, "DIMENSIONS", 2)  # as much work as 800 points of two
    assert scores.silhouette(x, truth).standard_error > 0


class FirstTwo:
    """In place of t-SNE."""

    def __init__(self, *_, **__):
        pass

    def fit_transform(self, x):
        return PCA(2).fit_transform(x)


def test_what_a_map_did_not_see_lies_amid_what_is_like_it(monkeypatch):
    monkeypatch.setattr(projection, "TSNE", FirstTwo)
    x, truth = groups()
    places = projection.project(x, "tsne", seed=0)
    assert places.shape == (1200, 2)
    middle = np.array([np.median(places[truth == group], axis=0) for group in range(4)])
    nearest = np.linalg.norm(places[:, None] - middle, axis=2).argmin(1)
    assert (nearest == truth).mean() > 0.98
