import os
import subprocess
import sys

import numpy as np
import pytest

from fashion_mocluster.clustering.parameters import UmapParameters
from fashion_mocluster.clustering.umap_embedding import umap_embedding
from tests.conftest import uses_umap

pytestmark = uses_umap

FAST = UmapParameters(n_epochs=30)


def test_copies_of_a_point_get_its_coordinates():
    rng = np.random.default_rng(0)
    x = np.r_[np.tile(rng.normal(size=20), (200, 1)), rng.normal(size=(100, 20))]
    coordinates = umap_embedding(x.astype(np.float32), FAST, seed=0)
    assert coordinates.shape == (300, 10)
    assert np.isfinite(coordinates).all()
    np.testing.assert_array_equal(coordinates[:200], np.tile(coordinates[0], (200, 1)))


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 13])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_fewer_points_than_neighbors_and_components(count, metric):
    x = np.random.default_rng(0).normal(size=(count, 4))
    coordinates = umap_embedding(x, UmapParameters(n_epochs=5, metric=metric), seed=0)
    assert coordinates.shape == (count, 10)
    assert np.isfinite(coordinates).all()


def test_neighbors_stay_neighbors():
    angles = np.linspace(0, 6, 300)
    x = np.c_[np.cos(angles), np.sin(angles), angles]
    coordinates = umap_embedding(x, UmapParameters(metric="euclidean", n_components=2), seed=0)
    steps = np.linalg.norm(np.diff(coordinates, axis=0), axis=1)
    assert np.median(steps) < 0.1 * np.ptp(coordinates)


def test_each_library_keeps_its_number_of_threads():
    """In a process of its own, as Numba sets the number only once."""
    code = (
        "import numpy as np, sklearn.cluster, torch\n"
        "from threadpoolctl import threadpool_info\n"
        "from fashion_mocluster.clustering.parameters import UmapParameters\n"
        "from fashion_mocluster.clustering.umap_embedding import umap_embedding\n"
        "torch.set_num_threads(1)\n"
        "libraries = lambda: {p['filepath']: p['num_threads'] for p in threadpool_info()}\n"
        "before = libraries()\n"
        "x = np.random.default_rng(0).normal(size=(50, 4))\n"
        "umap_embedding(x, UmapParameters(n_epochs=1), seed=0)\n"
        "after = libraries()\n"
        "assert min(before.values()) == 1 < max(before.values())\n"
        "assert {file: after[file] for file in before} == before"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_centered_directions_are_measured_from_the_mean_direction():
    """Lengths do not count, and what all points have in common is taken away."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 2, size=(60, 8))
    directions = x / np.linalg.norm(x, axis=1, keepdims=True)
    centered = FAST.model_copy(update={"center": True})
    one = umap_embedding(x * rng.uniform(1, 9, size=(60, 1)), centered, seed=0)
    other = umap_embedding(directions - directions.mean(0), FAST, seed=0)
    # The layout of the same graph, up to rounding that the layout amplifies.
    assert np.corrcoef(pairwise(one), pairwise(other))[0, 1] > 0.99
    plain = umap_embedding(x, FAST, seed=0)
    assert np.corrcoef(pairwise(one), pairwise(plain))[0, 1] < 0.9


def pairwise(x):
    return np.linalg.norm(x[:, None] - x[None], axis=2).ravel()
