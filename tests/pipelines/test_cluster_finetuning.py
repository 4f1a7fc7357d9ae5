from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.clustering.turtle import Turtle
from fashion_mocluster.clustering.typicality import neighbor_agreement
from fashion_mocluster.learning import self_labeling
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.preprocessing import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.cluster_finetuning.nodes import self_label_encoder, thesis_score
from tests.project_copy import project_parameters


@pytest.mark.parametrize("init", ["random", "pixel_clusters"])
@pytest.mark.slow
def test_self_labeling_keeps_the_start_that_agrees_with_the_pixels_where_it_is_told_to(init):
    runtime = {"finetuning": {"self_labeling": {"init": init, "n_init": 6}}}
    p = check_parameters(project_parameters("smoke", runtime))
    encoder = build_encoder(p.moco.encoder, (28, 28), 0)
    pretrained = EncoderWeights.of(encoder, p.moco.preprocessing, PixelStatistics(70, 90))
    recipe = p.finetuning["self_labeling"]
    z = np.random.default_rng(1).normal(size=(300, 8))
    turtle = Turtle(3, n_neighbors=15, n_init=6, random_state=recipe.seed)
    without = turtle.fit_predict(z)
    # Another start's labels, for which the choice is not that of neighbor information.
    clusters = turtle.set_params(random_state=1).fit_predict(z)
    expected = turtle.set_params(random_state=recipe.seed).fit_predict(z, init_labels=clusters)
    assert (expected != without).any()

    class Reached(Exception):
        pass

    def watched(images, weights, parameters, n_clusters, embedding, assign, *_, **__):
        labels, agreement = assign(z)
        np.testing.assert_array_equal(labels, without if init == "random" else expected)
        np.testing.assert_array_equal(agreement, neighbor_agreement(z, labels, 15))
        raise Reached

    table = pd.DataFrame({"index": range(300), "cluster": clusters})
    more = [] if init == "random" else [table]
    images = np.zeros((300, 28, 28), np.uint8)
    with mock.patch.object(self_labeling, "self_label", watched), pytest.raises(Reached):
        self_label_encoder(images, pretrained, recipe, 3, None, p.embedding, p.whitening, *more)


def test_the_score_of_the_thesis_by_hand():
    """Two of four images in the right cluster of two: NMI and ARI are 0."""
    indices = SimpleNamespace(silhouette=0.5, davies_bouldin=0.25, calinski_harabasz=np.e**4 - 1)
    score = thesis_score(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), indices)
    assert score == pytest.approx(0.3 * (0 - 0.5 + 0.5) + 0.05 / 0.25 + 0.05 * 0.4)
    same = thesis_score(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), indices)
    assert same == pytest.approx(0.3 * 2.5 + 0.05 / 0.25 + 0.05 * 0.4)
