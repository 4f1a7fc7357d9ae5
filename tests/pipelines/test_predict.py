import numpy as np
import pandas as pd
import pytest

from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.evaluation import predict
from fashion_mocluster.pipelines.evaluation.parameters import (
    ModelSelectionParameters,
    PredictParameters,
)
from tests.project_copy import project_parameters

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


def test_names_of_the_stored_run_are_used_unless_others_are_given(run):
    known, clusters, distances = run
    clusters["name"] = clusters["cluster"].map({0: "bags", 1: "shoes", 2: "shoes"})
    stored = known, clusters, distances
    between = np.array([[0, 1.0, 1, 0, 0, 0]])
    table = predict_with(stored, between, n_neighbors=40)
    assert table.loc[0, ["cluster", "name", "confidence"]].to_list() == [1, "shoes", 1]
    names = pd.DataFrame({"cluster": [0, 1, 2], "name": ["a", "b", "b"]})
    assert predict_with(stored, between, names=names)["name"][0] == "b"


def test_scores_with_and_without_labels(predicted):
    best = {"method": "row", "clustering": "abcdefgh"}
    names = {"method": "row", "title": "Row"}
    scores = predict.score_predictions(predicted, np.array([7, 7, 3, 7]), best, **names)
    assert scores["clustering"] == "abcdefgh"
    assert scores["method"] == "row"
    assert scores["acc"] == 0.75
    assert scores["mean_confidence"] == 0.75
    bare = predict.score_predictions(predicted, None, best, **names)
    assert set(bare) == {"n_images", "mean_confidence", "method", "clustering"}


def test_figure_with_and_without_labels_has_every_known_cluster(predicted):
    names = list("abcdefgh")
    known = pd.DataFrame({"cluster": [3, 2, 1, 0]})
    labels = np.array([7, 7, 3, 7])
    labeled = predict.draw_predictions(predicted, known, labels, names, title="Row")
    assert "new images" in labeled.get_suptitle()
    assert {t.get_text() for t in labeled.axes[0].get_xticklabels()} == set("0123")
    bare = predict.draw_predictions(predicted, known, None, names, title="Row")
    assert [bar.get_height() for bar in bare.axes[0].patches] == [2, 2, 0, 0]


def test_figure_of_very_many_classes_and_clusters_has_their_sizes(caplog):
    truth = np.arange(256)
    table = pd.DataFrame({"index": truth, "cluster": truth})
    figure = predict.draw_predictions(table, table, truth, None, title="Row")
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1] * 256
    assert "256 clusters" in caplog.text


@pytest.mark.parametrize(
    ("shape", "channels", "message"),
    [
        ((2, 10, 12), 1, "10 x 12 in gray, .* 28 x 28 in gray; pictures get that size if"),
        ((2, 28, 28), 3, "28 x 28 in gray, .* 28 x 28 in color; bring them as pictures"),
        ((2, 28, 28, 3), 1, "28 x 28 in color, .* 28 x 28 in gray; bring them as pictures"),
    ],
)
def test_images_of_another_size_or_color_name_the_cure(shape, channels, message):
    known = {"height": 28, "width": 28, "channels": channels}
    with pytest.raises(ValueError, match=f"predict.path: images of {message}"):
        predict.check_new_images(np.zeros(shape, np.uint8), known)


@pytest.mark.parametrize(
    ("representation", "inputs"),
    [
        ("moco", {"moco_weights"}),
        ("moco_whitened", {"moco_whitened_weights"}),
        ("pixels", set()),
        ("pca", {"pca_steps"}),
        ("backbone", {"earlier_new_backbone_embeddings"}),
        ("external_encoder", {"external_encoder_weights"}),
        ("external", {"new_external_embeddings_file"}),
    ],
)
@pytest.mark.parametrize("chosen", [False, True])
def test_inputs_are_what_a_run_stored_and_the_new_images(representation, inputs, chosen):
    method = {"title": "M", "representation": representation, "clusterer": {"kind": "kmeans"}}
    files = {"external_embeddings": "z.npy", "external_weights": "w.pt"}
    runtime = {"evaluation": {"methods": {"mine": method}, "run_methods": ["mine"], **files}}
    p = check_parameters(project_parameters(runtime=runtime))
    pipeline = predict.create_pipeline(p, "mine", chosen=chosen)
    free = {name for name in pipeline.inputs() if not name.startswith("params:")}
    assert free == inputs | {
        *("new_images", "new_labels", "new_class_names", "new_image_paths", "pixel_statistics"),
        "new_skipped_files",
        f"{representation}_embeddings",
        f"{representation}_neighbor_distances",
        *("best_clusters" if chosen else "mine_clusters", "best_method"),
    }
    names = p.data.model_copy(update={"cluster_names": "names.csv"})
    named = predict.create_pipeline(p.model_copy(update={"data": names}), "mine", chosen=chosen)
    assert named.inputs() - pipeline.inputs() == {"cluster_names_file"}
