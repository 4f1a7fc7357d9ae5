"""New pictures, sorted into the clusters of a stored run that nobody describes again."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.project_copy import run

pytestmark = pytest.mark.slow

PARAMETERS = """
data: {path: null, image_shape: [8, 8], class_names: null, invert: false}
hog: {cell_size: 2}
hog_whitening: {pca_components: 20, n_components: 9}
joined:
  pca_hog: {pca: 1, hog: 2, hog_whitened: 0.5}
evaluation:
  show_thesis_scores: false
  pca_components: 9
  model_selection: {representation: pca}
  external_embeddings: FOLDER/known.npy
  run_methods: [kmeans, pca_kmeans, external_kmeans, joined_kmeans]
  methods:
    external_kmeans: {title: E, representation: external, clusterer: {kind: kmeans}}
    joined_kmeans: {title: J, representation: pca_hog, clusterer: {kind: kmeans}}
predict: {method: best}
"""


@pytest.fixture(scope="module")
def photos(project, tmp_path_factory):
    """An environment with a stored run of three clusters, its folder of pictures and new ones of each."""
    folder = tmp_path_factory.mktemp("pictures")
    kinds = np.random.default_rng(0).integers(40, 216, (3, 8, 8))
    for place, count in (("known", 60), ("new", 3)):
        (folder / place).mkdir()
        rng = np.random.default_rng(count)
        for i in range(count):
            pixels = kinds[i % 3] + rng.normal(0, 9, (8, 8))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / place / f"{i:02}.png")
        np.save(folder / f"{place}.npy", np.eye(3, 4)[np.arange(count) % 3])
    conf = project / "conf" / "stored"
    conf.mkdir()
    (conf / "globals.yml").write_text("folder: data/stored\npretrained_dir: null\n")
    (conf / "parameters.yml").write_text(PARAMETERS.replace("FOLDER", str(folder)))
    params = {
        "data.path": str(folder / "known"),
        "n_clusters": 3,
        "evaluation.model_selection.n_neighbors": 5,
    }
    names = pd.DataFrame({"cluster": [0, 1, 2], "name": ["a", "b", "2024"]})
    names.to_csv(folder / "names.csv", index=False)
    params["data.cluster_names"] = str(folder / "names.csv")
    made_by_run = ("pixels", "pca", "external", "pca_hog")
    wanted = [f"{made}_neighbor_distances" for made in made_by_run]
    wanted += ["best_clusters", "pixel_statistics"]  # no figures and no pages
    run(project, "stored", ["evaluation"], params, to_outputs=wanted)
    return project, folder, project / "data/stored/07_model_output"


def predicted(photos, **params):
    """The table of predictions and the log."""
    project, folder, output = photos
    params = {"predict.path": str(folder / "new"), **params}
    log = run(project, "stored", ["predict"], params).log
    return pd.read_csv(output / "predicted_clusters.csv", dtype={"name": str}), log


@pytest.mark.parametrize(
    "method", ["best", "kmeans", "pca_kmeans", "external_kmeans", "joined_kmeans"]
)
def test_every_method_goes_on_with_what_the_run_stored(photos, method):
    _, folder, output = photos
    embeddings = {"predict.external_embeddings": str(folder / "new.npy")}
    table, log = predicted(photos, **{"predict.method": method, **embeddings})
    assert "taken from the stored run: " in log
    reporting = output.parent / "08_reporting"
    best, scores = (
        json.loads((reporting / f"{name}.json").read_text())
        for name in ("best_method", "prediction_scores")
    )
    assert scores["method"] == (best["method"] if method == "best" else method)
    name = "clusters" if method == "best" else f"clusters_{method}"
    known = pd.read_csv(output / f"{name}.csv", dtype={"name": str})
    assert table["cluster"].to_list() == known["cluster"][:3].to_list()
    # Five neighbors vote, as in the run, though base says ten.
    assert set((table["confidence"] * 5) % 1) == {0}
    if "name" in known:
        assert table["name"].to_list() == known["name"][:3].to_list()
        assert {"a", "b", "2024"} == set(table["name"])
    else:
        assert method != "best"


def test_a_contradiction_that_the_user_wrote_is_refused(photos):
    with pytest.raises(Exception, match=r"best_clusters: .* n_clusters \(then 3, now 4\)"):
        predicted(photos, n_clusters=4)
    with pytest.raises(Exception, match=r"data.invert \(then False, now True\)"):
        predicted(photos, **{"data.invert": True})
