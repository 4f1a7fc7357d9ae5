from unittest import mock

import numpy as np
import pytest

from fashion_mocluster.clustering.turtle import Turtle
from fashion_mocluster.learning import self_labelling
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.inputs import PixelStatistics
from fashion_mocluster.learning.weights import EncoderWeights
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.cluster_finetuning.nodes import self_label_encoder
from tests.conftest import project_parameters


@pytest.mark.parametrize(("clustered", "spaces"), [("whitened", 2), ("pooled", 1)])
def test_self_labelling_clusters_as_many_spaces_as_there_are_kinds_of_views(clustered, spaces):
    runtime = {"finetuning": {"self_labelling": {"clustered": clustered}}}
    p = check_parameters(project_parameters("smoke", runtime))
    encoder = build_encoder(p.moco.encoder, (28, 28), 0)
    pretrained = EncoderWeights.of(encoder, p.moco.input, PixelStatistics(70, 90)).to_dict()
    recipe = p.finetuning["self_labelling"]

    class Reached(Exception):
        pass

    def watched(images, weights, parameters, n_clusters, embedding, assign, *_, **__):
        z = np.random.default_rng(0).normal(size=(60, 8))
        labels, agreement = assign(z)
        settings = {"n_neighbors": recipe.n_neighbors, "n_init": recipe.n_init, "spaces": spaces}
        expected = Turtle(n_clusters, random_state=recipe.seed, **settings).fit_predict(z)
        np.testing.assert_array_equal(labels, expected)
        assert agreement.shape == (60,)
        raise Reached

    images = np.zeros((60, 28, 28), np.uint8)
    with mock.patch.object(self_labelling, "self_label", watched), pytest.raises(Reached):
        self_label_encoder(images, pretrained, recipe, 3, None, p.embedding, p.whitening)
