"""Weights that the thesis published, from the file that a parameter names to the scores."""

import numpy as np
import pytest
import torch
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from pydantic import BaseModel

from fashion_mocluster import session
from fashion_mocluster.configuration import files_of
from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.parameters import EmbeddingParameters, EncoderParameters
from fashion_mocluster.learning.weights import WeightsError
from fashion_mocluster.parameters import ParameterError, check_parameters
from fashion_mocluster.pipeline_registry import build_pipelines
from fashion_mocluster.pipelines.evaluation.nodes import read_external_weights
from tests.conftest import PROJECT, project_parameters

REFERENCE = PROJECT.parent / "shared" / "reference" / "encoder_spectral_best.pt"
# Published with the file: ACC, NMI and ARI on all 10,000 test images.
REFERENCE_SCORES = {
    "kmeans": (0.523, 0.563, 0.380),
    "spectral": (0.525, 0.576, 0.379),
}


def scores(path, folder, limit=None):
    """Scores of two methods that use the weights, run with the project's own catalog in ``folder``."""
    clusterer = {"standardize": True, "n_init": 3}
    methods = {
        kind: {
            "title": kind,
            "representation": "external_encoder",
            "clusterer": {"kind": kind, **clusterer},
        }
        for kind in ("kmeans", "spectral")
    }
    images = str(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz")
    runtime = {
        "data": {"path": images, "limit": limit},
        "evaluation": {
            "external_weights": str(path),
            "methods": methods,
            "run_methods": list(methods),
        },
    }
    parameters = project_parameters(runtime=runtime)
    session.begin(session.Session(parameters, folder, "data"))
    catalog = DataCatalog.from_config(files_of(PROJECT, "base", "catalog"))
    checked = check_parameters(parameters)
    for key, value in flattened(checked):
        catalog[f"params:{key}"] = value
    wanted = ["kmeans_scores", "spectral_scores"]
    pipeline = build_pipelines(checked)["evaluation"].to_outputs(*wanted)
    SequentialRunner().run(pipeline, catalog)
    return {name: catalog[name].load() for name in wanted}


def flattened(parameters, prefix=""):
    """Every group of typed parameters and every value in them, by dotted key."""
    items = parameters.items() if isinstance(parameters, dict) else parameters
    for key, value in items:
        yield f"{prefix}{key}", value
        if isinstance(value, dict | BaseModel):
            yield from flattened(value, f"{prefix}{key}.")


@pytest.mark.slow
def test_published_figures_are_reproduced(tmp_path):
    if not REFERENCE.exists():
        pytest.skip("the published weights are not beside the project")
    found = scores(REFERENCE, tmp_path)
    for kind in ("kmeans", "spectral"):
        row = found[f"{kind}_scores"]
        ours = [row[score] for score in ("acc", "nmi", "ari")]
        assert ours == pytest.approx(REFERENCE_SCORES[kind], abs=0.01), kind


def bare(size):
    """A state dict like the published ones, with random weights."""
    parameters = EncoderParameters(
        blocks=[1, 1],
        widths=[4, 8],
        pooling="flatten",
        embedding_dim=16,
        normalize_embedding=True,
    )
    return build_encoder(parameters, size, 0).state_dict()


@pytest.mark.slow
def test_a_bare_state_dict_becomes_a_method(tmp_path):
    torch.save(bare((28, 28)), tmp_path / "bare.pt")
    row = scores(tmp_path / "bare.pt", tmp_path, limit=200)["kmeans_scores"]
    assert (row["representation"], row["n_images"]) == ("external_encoder", 200)


def test_of_color_images_only_the_size_matters_to_the_architecture():
    """That they have colors is refused where they are embedded."""
    file = {"state": bare((12, 10)), "origin": "bare.pt"}
    pixels = {"mean": 127, "std": 70}
    color = np.zeros((2, 12, 10, 3), np.uint8)
    weights = read_external_weights(file, color, pixels, EmbeddingParameters())
    assert (weights.image_size, weights.channels) == ((12, 10), 1)
    with pytest.raises(InputError, match="trained on gray images, these are color ones"):
        embed(color, weights, EmbeddingParameters())


def test_a_file_that_fits_no_encoder_is_named(tmp_path):
    torch.save({"something": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt: conv1\.weight is missing"):
        scores(tmp_path / "other.pt", tmp_path, limit=50)


def test_a_method_on_external_weights_needs_their_file():
    row = {"title": "P", "representation": "external_encoder", "clusterer": {"kind": "kmeans"}}
    runtime = {"evaluation": {"methods": {"p": row}, "run_methods": ["p"]}}
    with pytest.raises(ParameterError, match=r"name its file in evaluation\.external_weights"):
        check_parameters(project_parameters(runtime=runtime))
