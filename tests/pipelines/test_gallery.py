import numpy as np
import pandas as pd

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.pipelines.evaluation.gallery import create_pipeline, write_gallery

METHOD = MethodParameters(title="Mine <3", representation="moco", clusterer={"kind": "kmeans"})


def test_the_page_is_of_the_chosen_method_with_the_names_given_before():
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    clusters = pd.DataFrame({"cluster": [0, 1] * 3, "confidence": 1.0})
    names = pd.DataFrame({"cluster": [1], "name": ["Boots"]})
    best, methods = {"method": "mine", "clustering": "abcdefgh"}, {"mine": METHOD}
    page = write_gallery(images, clusters, np.eye(6, 2), None, None, best, methods, names)
    assert "<h1>Clusters by Mine &lt;3</h1>" in page
    assert '"name": "Boots"' in page
    assert '"clustering": "abcdefgh"' in page


def test_names_are_read_where_there_are_some():
    assert "cluster_names" in create_pipeline(named=True).inputs()
    assert "cluster_names" not in create_pipeline(named=False).inputs()
