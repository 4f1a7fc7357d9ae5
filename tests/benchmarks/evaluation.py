"""What the evaluation spends most on. The whole of it is one of the commands of ``size.py``."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score

from fashion_mocluster.clustering.neighbors import neighbor_graph, search, unit
from fashion_mocluster.clustering.turtle import Turtle, center_and_scale, main_components, smooth
from tests.benchmarks.side_by_side import Result, time_side_by_side
from tests.clustering.plain_turtle import plain_turtle


def evaluation_areas(embeddings: np.ndarray, rounds: int) -> Iterator[Result]:
    """One result per area, of embeddings float32 (N, D)."""
    yield turtle(embeddings, min(rounds, 3))


def turtle(x: np.ndarray, rounds: int) -> Result:
    """A hundred steps (fewer of few points) of eight starts, from the same weights and with the same
    batches; ours with the search for neighbors, by which it smooths the points and chooses a start.
    """
    n_clusters, n_init, n_steps = 10, 8, min(100, len(x) // 10)
    ours = Turtle(n_clusters, n_init=n_init, n_steps=n_steps, random_state=0)
    smoothed = smooth(unit(x), neighbor_graph(unit(x), ours.n_neighbors), ours.n_hops)
    points = center_and_scale(main_components(smoothed))
    random_state = np.random.RandomState(0)
    draw = random_state.standard_normal((points.shape[1], n_init * n_clusters))
    batches = list(ours._batches(len(x), random_state))
    whole = center_and_scale(smoothed)
    draw_of_whole = np.random.RandomState(0).standard_normal((x.shape[1], n_init * n_clusters))

    def plain(x: np.ndarray, start: int, draw: np.ndarray) -> np.ndarray:
        return plain_turtle(x, start, n_clusters, n_steps, draw, batches)[0]

    def fit() -> None:
        search.cache_clear()  # what was found before is remembered
        ours.fit(x)

    result = time_side_by_side(
        "TURTLE, 8 starts",
        len(x),
        ("all starts as two matrices, main components alone", fit),
        (
            "autograd, one start after the other",
            lambda: [plain(whole, start, draw_of_whole) for start in range(n_init)],
        ),
        rounds=rounds,
        unit="s",
        scale=1,
    )
    best = int(np.argmax(ours.neighbor_mi_))
    agreement = adjusted_rand_score(ours.labels_, plain(points, best, draw))
    return replace(
        result, against=f"{result.against}; on the components ARI {agreement:.3f} with it"
    )
