import tracemalloc

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from fashion_mocluster.clustering.clusterers import cluster
from fashion_mocluster.clustering.parameters import (
    ClustererParameters,
    HdbscanParameters,
    MethodParameters,
    TurtleParameters,
)
from fashion_mocluster.parameters import check_parameters
from fashion_mocluster.pipelines.evaluation import nodes
from fashion_mocluster.pipelines.evaluation.cluster_names import fingerprint
from fashion_mocluster.pipelines.evaluation.parameters import ModelSelectionParameters
from fashion_mocluster.pipelines.evaluation.pipeline import create_pipeline
from fashion_mocluster.reporting.distribution import distribution_table
from tests.conftest import uses_umap
from tests.project_copy import project_parameters

METHOD = MethodParameters(title="T", representation="moco", clusterer={"kind": "kmeans"})
NAMES = ["shirt", "shoe"]


@pytest.fixture
def embeddings(blobs):
    return pd.DataFrame(blobs[0], columns=[f"feature_{i}" for i in range(5)])


def test_pixels_and_their_principal_components(images):
    pixels, cost = nodes.tabulate_pixels(images)
    assert cost["time_s"] > 0
    np.testing.assert_array_equal(pixels.to_numpy().reshape(images.shape), images)
    reduced, cost, steps = nodes.reduce_pixels(pixels, 5, 0)
    assert cost["time_s"] > 0
    assert list(reduced.columns) == [f"feature_{i}" for i in range(5)]
    x = StandardScaler().fit_transform(images.reshape(64, -1))
    expected = PCA(5, svd_solver="full").fit(x).explained_variance_
    np.testing.assert_allclose(reduced.to_numpy().var(0, ddof=1), expected, rtol=0.02)
    assert nodes.reduce_pixels(pixels, 1000, 0)[0].shape == (64, 64)
    again, cost = nodes.project_pixels(pixels[:9], steps)
    assert cost["time_s"] > 0
    np.testing.assert_allclose(again.to_numpy(), reduced.to_numpy()[:9], atol=1e-4)
    assert list(again) == list(reduced)


def test_principal_components_take_little_more_memory_than_a_copy_of_the_pixels():
    pixels = pd.DataFrame(np.random.default_rng(0).random((12_000, 200), np.float32))
    tracemalloc.start()
    _, _, (mean, scale, *_) = nodes.reduce_pixels(pixels, 5, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * pixels.to_numpy().nbytes
    np.testing.assert_allclose(mean, pixels.mean(), rtol=1e-5)
    np.testing.assert_allclose(scale, pixels.std(ddof=0), rtol=1e-5)


def test_external_embeddings_lose_their_labels(images):
    table = pd.DataFrame(np.eye(64, 3), columns=["feature_0", "feature_1", "feature_2"])
    table.insert(0, "label", 1)
    features, _ = nodes.read_external_embeddings(table, images)
    assert list(features.columns) == ["feature_0", "feature_1", "feature_2"]


def test_external_embeddings_written_as_text_are_numbers(images):
    table = pd.DataFrame({"feature_0": range(64), "feature_1": [f"{i}.5" for i in range(64)]})
    features, _ = nodes.read_external_embeddings(table, images)
    expected = np.arange(64)[:, None] + [0, 0.5]
    np.testing.assert_array_equal(features.to_numpy(), expected.astype(np.float32))


def table_of(assignments, labels=None, paths=None):
    """Clusters of images whose only neighbor is the image before."""
    neighbors = np.arange(len(assignments))[:, None] - 1
    return nodes.tabulate_clusters(assignments, neighbors, paths, labels)


def test_scores_with_and_without_labels(embeddings, blobs):
    assignments, cost = nodes.assign_clusters(embeddings, METHOD, 3, 0)
    known = table_of(assignments, blobs[1])
    with_labels = nodes.score_clusters(embeddings, known, cost, METHOD, 3)
    assert with_labels["acc"] == 1
    assert with_labels["n_images"] == 120
    assert with_labels["clusterer"] == "kmeans"
    without = nodes.score_clusters(embeddings, known.drop(columns="label"), cost, METHOD, 3)
    assert without.keys() == with_labels.keys() - {"acc", "nmi", "ari"}


@pytest.mark.parametrize("kind", ["kmeans", "spectral", "gaussian_mixture", "turtle"])
def test_fewer_clusters_than_asked_for_are_said(kind, caplog):
    """Five distinct images, a dozen copies of each, into twelve clusters."""
    points = np.repeat(np.random.default_rng(0).normal(size=(5, 8)), 12, axis=0)
    embeddings = pd.DataFrame(points, columns=[f"feature_{i}" for i in range(8)])
    method = METHOD.model_copy(
        update={
            "title": "Copies",
            "clusterer": TypeAdapter(ClustererParameters).validate_python({"kind": kind}),
        }
    )
    assignments, cost = nodes.assign_clusters(embeddings, method, 12, 0)
    found = len(set(assignments))
    assert found <= 5
    assert f"Copies found {found} clusters, not the 12 asked for" in caplog.text
    clusters = table_of(assignments)
    scores = nodes.score_clusters(embeddings, clusters, cost, method, 12)
    assert scores["clusterer"] == f"{kind} ({found} of 12 clusters)"
    caplog.clear()
    nodes.assign_clusters(embeddings, METHOD, 5, 0)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_method_that_begins_at_the_clusters_of_the_pixels_gets_them(embeddings, blobs):
    clusterer = TurtleParameters(n_init=4, init="pixel_clusters")
    method = METHOD.model_copy(update={"clusterer": clusterer})
    table = pd.DataFrame({"index": range(120), "cluster": blobs[1]})
    assignments, _ = nodes.assign_clusters(embeddings, method, 3, 0, table)
    expected = cluster(embeddings.to_numpy(), clusterer, 3, 0, blobs[1])
    np.testing.assert_array_equal(assignments, expected)


def test_a_density_method_says_how_many_clusters_it_found_and_what_it_left_out(blobs, caplog):
    caplog.set_level("INFO")
    x = np.r_[blobs[0], [[40.0, 40, 40, 40, 40], [-40, 40, -40, 40, -40]]]
    embeddings = pd.DataFrame(x, columns=[f"feature_{i}" for i in range(5)])
    clusterer = HdbscanParameters(min_cluster_size=15)
    method = METHOD.model_copy(update={"title": "Dense", "clusterer": clusterer})
    assignments, cost = nodes.assign_clusters(embeddings, method, 10, 0)
    assert "Dense found 3 clusters and left 2 images unsorted" in caplog.text
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    scores = nodes.score_clusters(embeddings, table_of(assignments), cost, method, 10)
    assert scores["clusterer"] == "hdbscan (3 clusters, 2% unsorted)"
    assert scores["silhouette"] > 0.5
    figures = nodes.draw_method(
        nodes.project_embeddings(embeddings, "pca", 0),
        table_of(assignments),
        distribution_table(table_of(assignments), NAMES),
        method,
    )
    texts = [t.get_text() for t in figures["scatter_by_cluster"].axes[0].get_legend().get_texts()]
    assert texts == ["0 (40)", "1 (40)", "2 (40)", "unsorted (2)"]
    bars = figures["cluster_sizes"].axes[0]
    assert [t.get_text() for t in bars.get_xticklabels()] == ["unsorted", "0", "1", "2"]


def test_clusters_table_has_paths_and_labels_only_where_known():
    assigned, neighbors = np.array([1, 0, 0]), np.array([[1, 2], [0, 2], [1, 0]])
    table = nodes.tabulate_clusters(assigned, neighbors, None, None)
    expected = {"index": [0, 1, 2], "cluster": [1, 0, 0], "confidence": [0, 0.5, 0.5]}
    assert table.to_dict("list") == expected
    paths = pd.DataFrame({"path": ["2.png", "10.png", "a/b.png"]})
    table = nodes.tabulate_clusters(assigned, neighbors, paths, np.array([5, 6, 7]))
    assert list(table) == ["index", "path", "cluster", "confidence", "label"]
    assert table["path"].to_list() == paths["path"].to_list()
    assert table["label"].to_list() == [5, 6, 7]


def test_figures_with_and_without_labels(embeddings, blobs):
    known = table_of(blobs[1], blobs[1])
    table = distribution_table(known, NAMES)
    projection = nodes.project_embeddings(embeddings, "pca", 0)
    everything = nodes.draw_method(projection, known, table, METHOD)
    assert set(everything) == {
        "scatter_by_cluster",
        "scatter_by_label",
        "distribution",
        "confusion",
    }
    bare = known.drop(columns="label")
    empty = distribution_table(bare, None)
    assert set(nodes.draw_method(projection, bare, empty, METHOD)) == {
        "scatter_by_cluster",
        "cluster_sizes",
    }


@pytest.mark.parametrize(("n_classes", "n_clusters"), [(256, 256), (256, 2), (2, 256)])
def test_figures_of_very_many_classes_or_clusters_are_left_out(n_classes, n_clusters, caplog):
    points = np.arange(1024)
    known = table_of(points % n_clusters, points % n_classes)
    table = distribution_table(known, None)
    projection = pd.DataFrame(np.random.default_rng(0).normal(size=(1024, 2)))
    figures = nodes.draw_method(projection, known, table, METHOD)
    assert set(figures) == {"scatter_by_cluster", "scatter_by_label"}
    assert max(max(figure.get_size_inches()) for figure in figures.values()) < 60
    assert f"which of {n_classes} classes are in which of {n_clusters} clusters" in caplog.text


def test_of_very_many_clusters_the_largest_have_examples(caplog):
    labels = np.r_[np.zeros(1, int), np.repeat(np.arange(1, 61), 3)]
    z = pd.DataFrame(np.random.default_rng(0).normal(size=(len(labels), 3)))
    neighbors = np.tile(np.arange(2), (len(labels), 1))
    images = np.zeros((len(labels), 4, 4), np.uint8)
    figure = nodes.draw_examples(images, z, neighbors, table_of(labels), METHOD)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == [str(cluster) for cluster in range(1, 51)]
    assert "examples are of the 50 largest of 61 clusters" in caplog.text


SELECTION = ModelSelectionParameters(representation="moco", n_neighbors=5)
SCORES = {"representation": "moco", "clusterer": "kmeans", "time_s": 1.0, "memory_mb": 1.0}


def compared(embeddings, partitions):
    """The table and the best of methods whose clusters are ``partitions``, by name."""
    results = {f"{name}_scores": SCORES for name in partitions}
    results |= {f"{name}_assignments": labels for name, labels in partitions.items()}
    return nodes.compare_methods(
        dict.fromkeys(partitions, METHOD),
        SELECTION,
        nodes.find_neighbors(embeddings, SELECTION)[0],
        3,
        names=list(partitions),
        **results,
    )


def test_the_best_method_is_the_one_whose_clusters_neighbors_share(embeddings, blobs):
    rng = np.random.default_rng(0)
    truth = blobs[1]
    noisy = np.where(rng.random(120) < 0.4, rng.integers(0, 3, 120), truth)
    table, best = compared(
        embeddings, {"random": rng.integers(0, 3, 120), "good": truth, "noisy": noisy}
    )
    assert list(table["method"]) == ["random", "good", "noisy"]
    assert best["method"] == "good"
    assert best["clustering"] == fingerprint(truth)
    assert best["sizes"] == {0: 40, 1: 40, 2: 40}
    information = best["neighbor_mi"]
    assert information["random"] < information["noisy"] < information["good"]


def test_a_single_method_is_the_best_one(embeddings):
    table, best = compared(embeddings, {"only": np.zeros(120, int)})
    assert best["method"] == "only"
    assert len(table) == 1


def test_many_clusters_are_not_better_for_being_many(embeddings, blobs):
    """Each group cut into five: fifteen clusters against the three that were asked for."""
    fifteen = 5 * blobs[1] + np.arange(120) % 5
    _, best = compared(embeddings, {"fifteen": fifteen, "good": blobs[1]})
    information = best["neighbor_mi"]
    assert information["fifteen"] == pytest.approx(information["good"])


def test_copies_are_nobodys_neighbors():
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 4)))
    screened = pd.DataFrame({"representative": np.r_[np.arange(20), np.full(10, 3)], "outlier": 0})
    neighbors, distances = nodes.find_neighbors(x, SELECTION, screened)
    unit = x.to_numpy() / np.linalg.norm(x, axis=1)[:, None]
    pairs = np.linalg.norm(unit[:20, None] - unit[None, :20], axis=2)
    np.fill_diagonal(pairs, np.inf)
    np.testing.assert_array_equal(neighbors[:20], pairs.argsort(1)[:, :5])
    np.testing.assert_array_equal(neighbors[20:], np.tile(neighbors[3], (10, 1)))
    np.testing.assert_allclose(distances, pairs.min(1), rtol=1e-5)


def test_only_the_representations_that_methods_use_are_made():
    methods = {
        name: {"title": name, "representation": name, "clusterer": {"kind": "kmeans"}}
        for name in ("pca", "external")
    }
    evaluation = {"methods": methods, "run_methods": list(methods), "external_embeddings": "z.npy"}
    evaluation["model_selection"] = {"representation": "pca"}
    p = check_parameters(project_parameters(runtime={"evaluation": evaluation}))
    outputs = create_pipeline(p).all_outputs()
    assert {"pca_embeddings", "pixels_embeddings", "external_embeddings"} <= outputs
    assert "moco_embeddings" not in outputs


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pca", "Principal component"),
        pytest.param("umap", "UMAP", marks=uses_umap),
        ("tsne", "t-SNE"),
    ],
)
def test_projections_have_two_named_dimensions(embeddings, blobs, kind, name):
    points = nodes.project_embeddings(embeddings, kind, 0)
    assert list(points.columns) == [f"{name} 1", f"{name} 2"]
    # Whatever the projection, groups far apart stay apart.
    assert silhouette_score(points, blobs[1]) > 0.5
