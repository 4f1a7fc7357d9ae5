import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.errors import InputError
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation import predict
from fashion_mocluster.pipelines.evaluation.parameters import (
    ModelSelectionParameters,
    PredictParameters,
)

SELECTION = ModelSelectionParameters(representation="moco", n_neighbors=5)


@pytest.fixture
def predicted():
    return pd.DataFrame(
        {"index": range(4), "cluster": [1, 1, 0, 0], "confidence": [1, 1, 0.5, 0.5]}
    )


@pytest.fixture
def run():
    """What a run stored: embeddings in three directions, their clusters, and how far they are from
    their nearest.
    """
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 40)
    x = np.eye(3, 6)[truth] + 0.05 * rng.normal(size=(120, 6))
    unit = x / np.linalg.norm(x, axis=1)[:, None]
    pairs = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    np.fill_diagonal(pairs, np.inf)
    return pd.DataFrame(x), pd.DataFrame({"cluster": truth}), pairs.min(1)


def predict_with(run, new, paths=None, names=None, **parameters):
    """The table of new points."""
    parameters = PredictParameters(method="a", **parameters)
    return predict.predict_clusters(*run, pd.DataFrame(new), paths, parameters, SELECTION, names)


def test_known_images_given_again_get_their_clusters_at_no_distance(run):
    table = predict_with(run, run[0])
    assert list(table) == ["index", "cluster", "confidence", "distance", "novel"]
    assert (table["cluster"] == run[1]["cluster"]).all()
    assert (table["confidence"] == 1).all()
    np.testing.assert_allclose(table["distance"], 0, atol=1e-6)
    assert not table["novel"].any()


def test_what_is_like_nothing_known_is_marked(run):
    rng = np.random.default_rng(1)
    like_known = np.eye(3, 6)[rng.integers(0, 3, 40)] + 0.05 * rng.normal(size=(40, 6))
    unlike = -np.eye(6)[[3, 4, 5]]
    table = predict_with(run, np.r_[like_known, unlike])
    assert table["novel"][40:].all()
    assert table["novel"][:40].mean() < 0.1
    assert table["distance"][40:].min() > 1


def test_paths_are_those_of_the_new_images(run):
    table = predict_with(run, run[0][:2], pd.DataFrame({"path": ["b, 1.png", "a/2.png"]}))
    assert list(table)[:3] == ["index", "path", "cluster"]
    assert table["path"].to_list() == ["b, 1.png", "a/2.png"]


def test_names_are_used_and_clusters_of_one_name_are_one(run):
    """A point between clusters 1 and 2 belongs to their union without doubt."""
    between = np.array([[0, 1.0, 1, 0, 0, 0]])
    assert predict_with(run, between, n_neighbors=40)["confidence"][0] < 0.9
    names = pd.DataFrame({"cluster": [2, 0, 1], "name": ["shoes", "bags", "shoes"]})
    table = predict_with(run, between, names=names, n_neighbors=40)
    assert table.loc[0, ["cluster", "name", "confidence"]].to_list() == [1, "shoes", 1]


def test_names_of_other_clusters_are_refused():
    names = pd.DataFrame({"cluster": [0], "name": ["bags"]})
    assert predict.check_named_method(names, {"method": "a"}, method="a") is names
    with pytest.raises(
        InputError, match=r"clusters of a, the chosen method, but predict.method is b"
    ):
        predict.check_named_method(names, {"method": "a"}, method="b")


def test_scores_with_and_without_labels(predicted):
    scores = predict.score_predictions(predicted, np.array([7, 7, 3, 7]), title="Row")
    assert scores["acc"] == 0.75
    assert scores["mean_confidence"] == 0.75
    assert set(predict.score_predictions(predicted, None, title="Row")) == {
        "n_images",
        "mean_confidence",
    }


def test_figure_with_and_without_labels(predicted):
    data = DataParameters(path="x", class_names=list("abcdefgh"))
    labeled = predict.draw_predictions(predicted, np.array([7, 7, 3, 7]), data, title="Row")
    assert "new images" in labeled.axes[0].get_title() + (labeled.get_suptitle() or "")
    assert predict.draw_predictions(predicted, None, data, title="Row").axes


def test_images_of_another_size_name_the_cure():
    known = {"height": 28, "width": 28}
    with pytest.raises(ValueError, match=r"10 x 12, but the encoder was trained on 28 x 28"):
        predict.check_new_images(np.zeros((2, 10, 12), np.uint8), known)
    color = np.zeros((2, 28, 28, 3), np.uint8)
    assert predict.check_new_images(color, known) is color


@pytest.mark.parametrize(
    ("representation", "inputs"),
    [
        ("moco", {"moco_weights"}),
        ("moco_whitened", {"moco_whitened_weights"}),
        ("pixels", set()),
        ("external", {"new_external_embeddings_file"}),
    ],
)
@pytest.mark.parametrize("method", ["row", None])
def test_inputs_are_what_a_run_stored_and_the_new_images(representation, inputs, method):
    pipeline = predict.create_pipeline(method, "Row", representation, ["moco"], named=False)
    free = {name for name in pipeline.inputs() if not name.startswith("params:")}
    assert free == inputs | {
        *("new_images", "new_labels", "new_image_paths", "pixel_statistics"),
        f"{representation}_embeddings",
        f"{representation}_neighbor_distances",
        "row_clusters" if method else "best_clusters",
    }
    named = predict.create_pipeline(method, "Row", representation, ["moco"], named=True)
    names = {"cluster_names_file", "best_method"} if method else {"cluster_names_file"}
    assert named.inputs() - pipeline.inputs() == names
