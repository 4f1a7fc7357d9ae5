import numpy as np
import pytest

from fashion_mocluster.clustering.projection import project
from tests.conftest import uses_umap

UMAP = pytest.param("umap", marks=uses_umap)


def test_pca_is_the_first_two_principal_components():
    x = np.random.default_rng(0).normal(size=(300, 4)) * [1, 50, 3, 10]
    p = project(x, "pca", 0)
    for column, source in ((0, 1), (1, 3)):
        assert abs(np.corrcoef(p[:, column], x[:, source])[0, 1]) > 0.99


@pytest.mark.parametrize("kind", ["pca", UMAP, "tsne"])
def test_a_single_dimension_becomes_a_line(kind):
    p = project(np.arange(30.0)[:, None], kind, 0)
    assert p.shape == (30, 2)
    assert (p[:, 1] == 0).all()


@pytest.mark.parametrize("kind", [UMAP, "tsne"])
def test_a_seed_repeats_itself(blobs, kind):
    np.testing.assert_array_equal(project(blobs[0], kind, 1), project(blobs[0], kind, 1))
