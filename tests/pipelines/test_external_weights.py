"""Weights that the thesis published, from the file that a parameter names to the scores."""

import json

import numpy as np
import pytest
import torch

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.embedding import embed
from fashion_mocluster.learning.encoder import build_encoder
from fashion_mocluster.learning.parameters import EmbeddingParameters, EncoderParameters
from fashion_mocluster.learning.weights import WeightsError
from fashion_mocluster.parameters import ParameterError, check_parameters
from fashion_mocluster.pipelines.evaluation.nodes import read_external_weights
from tests.project_copy import PROJECT, project_parameters, run

REFERENCE = PROJECT.parent / "shared" / "reference" / "encoder_spectral_best.pt"
# Published with the file: ACC, NMI and ARI on all 10,000 test images.
REFERENCE_SCORES = {"kmeans": (0.523, 0.563, 0.380), "spectral": (0.525, 0.576, 0.379)}
PARAMETERS = """
evaluation:
  run_methods: [external_kmeans, external_spectral]
  methods:
    external_kmeans:
      title: K
      representation: external_encoder
      clusterer: {kind: kmeans, standardize: true, n_init: 3}
    external_spectral:
      title: S
      representation: external_encoder
      clusterer: {kind: spectral, standardize: true, n_init: 3}
"""


def scores(project, path, limit=None):
    """Scores of two methods that use the weights, by the kind of their clusterers."""
    conf = project / "conf" / "external"
    conf.mkdir(exist_ok=True)
    (conf / "globals.yml").write_text("folder: data/external\npretrained_dir: null\n")
    (conf / "parameters.yml").write_text(PARAMETERS)
    params = {"evaluation.external_weights": str(path), "data.limit": limit}
    names = {kind: f"external_{kind}" for kind in REFERENCE_SCORES}
    wanted = [f"{name}_scores" for name in names.values()]
    run(project, "external", ["evaluation"], params, to_outputs=wanted)
    folder = project / "data/external/08_reporting/scores"
    return {kind: json.loads((folder / f"{name}.json").read_text()) for kind, name in names.items()}


@pytest.mark.slow
def test_published_figures_are_reproduced(project):
    if not REFERENCE.exists():
        pytest.skip("the published weights are not beside the project")
    for kind, row in scores(project, REFERENCE).items():
        ours = [row[score] for score in ("acc", "nmi", "ari")]
        assert ours == pytest.approx(REFERENCE_SCORES[kind], abs=0.01), kind


def bare(size):
    """A state dict like the published ones, with random weights."""
    parameters = EncoderParameters(
        blocks=[1, 1], widths=[4, 8], pooling="flatten", embedding_dim=16, normalize_embedding=True
    )
    return build_encoder(parameters, size, 0).state_dict()


@pytest.mark.slow
def test_a_bare_state_dict_becomes_a_method(project, tmp_path):
    torch.save(bare((28, 28)), tmp_path / "bare.pt")
    row = scores(project, tmp_path / "bare.pt", limit=200)["kmeans"]
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


def test_a_file_that_fits_no_encoder_is_named(project, tmp_path):
    torch.save({"something": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt: conv1\.weight is missing"):
        scores(project, tmp_path / "other.pt", limit=50)


def test_a_method_on_external_weights_needs_their_file():
    row = {"title": "P", "representation": "external_encoder", "clusterer": {"kind": "kmeans"}}
    runtime = {"evaluation": {"methods": {"p": row}, "run_methods": ["p"]}}
    with pytest.raises(ParameterError, match=r"name its file in evaluation\.external_weights"):
        check_parameters(project_parameters(runtime=runtime))
