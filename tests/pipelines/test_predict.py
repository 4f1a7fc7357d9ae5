import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.clustering.parameters import MethodParameters
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


def test_figure_with_and_without_labels(predicted):
    names = list("abcdefgh")
    labeled = predict.draw_predictions(predicted, np.array([7, 7, 3, 7]), METHOD, names)
    assert "new images" in labeled.axes[0].get_title() + (labeled.get_suptitle() or "")
    assert predict.draw_predictions(predicted, None, METHOD, names).axes


@pytest.mark.parametrize("shape", [(2, 10, 12), (2, 28, 28, 3)])
def test_images_of_another_size_or_color_name_the_cure(shape):
    size = " x ".join(map(str, shape[1:]))
    with pytest.raises(ValueError, match=f"{size}, but the encoder was trained on 28 x 28"):
        predict.check_new_images(np.zeros(shape, np.uint8), np.zeros((5, 28, 28), np.uint8))
