import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation import predict

METHOD = MethodParameters(title="Row", representation="moco", clusterer={"kind": "kmeans"})


@pytest.fixture
def predicted():
    return pd.DataFrame(
        {"index": range(4), "cluster": [1, 1, 0, 0], "confidence": [1, 1, 0.5, 0.5]}
    )


def test_scores_with_and_without_labels(predicted):
    scores = predict.score_predictions(predicted, np.array([7, 7, 3, 7]), METHOD)
    assert scores["acc"] == 0.75
    assert scores["mean_confidence"] == 0.75
    assert set(predict.score_predictions(predicted, None, METHOD)) == {
        "n_images",
        "mean_confidence",
    }


def test_figure_with_and_without_labels_has_every_known_cluster(predicted):
    data = DataParameters(path="x", class_names=list("abcdefgh"))
    known = np.array([0, 1, 2, 3])
    labeled = predict.draw_predictions(predicted, known, np.array([7, 7, 3, 7]), METHOD, data)
    assert "new images" in labeled.axes[0].get_title()
    assert {t.get_text() for t in labeled.axes[0].get_xticklabels()} == set("0123")
    bare = predict.draw_predictions(predicted, known, None, METHOD, data)
    assert [bar.get_height() for bar in bare.axes[0].patches] == [2, 2, 0, 0]


def test_images_of_another_size_name_the_cure():
    with pytest.raises(ValueError, match=r"10 x 12, but the encoder was trained on 28 x 28"):
        predict.check_new_images(np.zeros((2, 10, 12), np.uint8), np.zeros((5, 28, 28), np.uint8))
