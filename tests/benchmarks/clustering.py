"""Clustering and its scores, against scikit-learn, on embeddings of real images."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.cluster import SpectralClustering
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from fashion_mocluster.clustering.neighbors import search
from fashion_mocluster.clustering.scores import label_free_scores, silhouette
from fashion_mocluster.clustering.spectral import SpectralClusterer
from fashion_mocluster.cost import Cost, measure
from tests.benchmarks.side_by_side import Result, growth, time_side_by_side
from tests.benchmarks.size import Size

SIZES = (10_000, 20_000, 40_000, 70_000)
GOAL_S, GOAL_MB = 60, 4096
METHOD = "exact kNN, Lanczos"


def clustering_areas(
    embeddings: np.ndarray, many: np.ndarray | None, size: Size
) -> Iterator[Result]:
    """One result per area.

    Args:
        embeddings: float32 (size.images, D).
        many: float32 (70000, D), or None if they are not at hand.
        size: How much is measured.
    """
    yield spectral(embeddings, rounds=size.rounds)
    labels = SpectralClusterer(10, random_state=0).fit_predict(embeddings)
    yield from score_areas(embeddings, labels, size.rounds)
    if many is None:
        yield spectral_growth({n: spectral_cost(sample(embeddings, n)) for n in size.fractions})
        return
    costs = {n: spectral_cost(sample(many, n)) for n in SIZES}
    yield spectral_growth(costs)
    yield from largest(costs)
    yield spectral(sample(many, 40_000), rounds=1)


def sample(x: np.ndarray, count: int) -> np.ndarray:
    """``count`` points at random without replacement, the same ones each time."""
    return x[np.random.default_rng(0).permutation(len(x))[:count]]


def spectral(x: np.ndarray, rounds: int) -> Result:
    """kNN graph, embedding and labels, with the same seed and the same number of starts."""
    ours = SpectralClusterer(10, n_neighbors=10, n_init=10, random_state=0)
    theirs = SpectralClustering(
        10, affinity="nearest_neighbors", n_neighbors=10, n_init=10, random_state=0
    )

    def fit() -> None:
        search.cache_clear()  # what was found before is remembered
        ours.fit(x)

    result = time_side_by_side(
        "Spectral clustering",
        len(x),
        (METHOD, fit),
        ("scikit-learn", lambda: theirs.fit(x)),
        rounds=rounds,
        unit="s",
        scale=1,
    )
    agreement = adjusted_rand_score(ours.labels_, theirs.labels_)
    return replace(result, against=f"scikit-learn, labels agree at ARI {agreement:.3f}")


def spectral_cost(x: np.ndarray) -> Cost:
    """Time and memory growth of one fit."""
    _, cost = measure(lambda: SpectralClusterer(10, random_state=0).fit(x))
    return cost


def spectral_growth(costs: dict[int, Cost]) -> Result:
    """Finding exact neighbors alone is quadratic."""
    times = {n: cost.time_s for n, cost in costs.items()}
    return growth("Spectral clustering, growth over points", times, "quadratic", 2.0)


def largest(costs: dict[int, Cost]) -> Iterator[Result]:
    """Time and memory growth at the largest size against the goals; measured once."""
    n = max(costs)
    for what, value, goal, unit_ in (
        ("time", costs[n].time_s, GOAL_S, "s"),
        ("memory growth", costs[n].memory_mb, GOAL_MB, "MB"),
    ):
        yield Result(
            *(f"Spectral clustering, {what}", METHOD, "goal", n, round(value, 2), goal, unit_),
            round(goal / value, 2),
            "one run",
        )


def score_areas(x: np.ndarray, labels: np.ndarray, rounds: int) -> Iterator[Result]:
    """Silhouette alone, and with the Davies-Bouldin and the Calinski-Harabasz index."""
    result = time_side_by_side(
        "Silhouette",
        len(x),
        ("blocked products", lambda: silhouette(x, labels)),
        ("scikit-learn", lambda: silhouette_score(x, labels)),
        rounds=rounds,
        unit="s",
        scale=1,
    )
    difference = abs(silhouette(x, labels).value - silhouette_score(x, labels))
    yield replace(result, against=f"scikit-learn, values differ by {difference:.0e}")
    yield time_side_by_side(
        "Silhouette, DBI and CHI",
        len(x),
        (
            "silhouette as above, the others are scikit-learn's",
            lambda: label_free_scores(x, labels),
        ),
        (
            "scikit-learn",
            lambda: [
                score(x, labels)
                for score in (silhouette_score, davies_bouldin_score, calinski_harabasz_score)
            ],
        ),
        rounds=rounds,
        unit="s",
        scale=1,
    )
