import numpy as np
import torch

from fashion_mocluster.clustering.neighbors import nearest_neighbors, unit
from fashion_mocluster.clustering.scores import silhouette
from tests.benchmarks import gpu


def test_both_ways_find_the_same():
    """A faster way that finds something else would be no comparison."""
    x = unit(np.random.default_rng(0).normal(size=(500, 9))).astype(np.float32)
    found = gpu.neighbors(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(found, nearest_neighbors(x, gpu.NEIGHBORS)[0])
    labels = np.arange(500) % 7
    mean = gpu.mean_silhouette(torch.from_numpy(x), labels)
    np.testing.assert_allclose(mean, silhouette(x, labels).value, atol=1e-5)
