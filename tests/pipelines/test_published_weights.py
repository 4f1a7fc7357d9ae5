"""Weights that the thesis published, from the file that a parameter names to the scores."""

import pandas as pd
import pytest
import torch
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from fashion_mocluster.config import ProjectConfigLoader
from fashion_mocluster.pipeline_registry import register_pipelines
from fashion_mocluster.settings import CONFIG_LOADER_ARGS
from tests.conftest import PROJECT

REFERENCE = PROJECT.parent / "shared" / "reference"
# Published with the files: ACC, NMI and ARI on all 10,000 test images.
REFERENCE_SCORES = {
    ("encoder_q_best.pt", "kmeans"): (0.515, 0.479, 0.305),
    ("encoder_q_best.pt", "spectral"): (0.570, 0.605, 0.383),
    ("encoder_spectral_best.pt", "kmeans"): (0.523, 0.563, 0.380),
    ("encoder_spectral_best.pt", "spectral"): (0.525, 0.576, 0.379),
}


def scores(path, folder, limit=None):
    """The rows of the comparison that use the weights, run with the project's own catalog."""
    clusterer = {"standardise": True, "n_init": 35}
    rows = {
        kind: {
            "title": kind,
            "representation": "published",
            "clusterer": {"kind": kind, **clusterer},
        }
        for kind in ("kmeans", "spectral")
    }
    loader = ProjectConfigLoader(
        conf_source=str(PROJECT / "conf"),
        env="base",
        runtime_params={
            "data": {"path": str(PROJECT / "data/01_raw/fashion-mnist_test.csv.gz"), "limit": limit},
            "evaluation": {"published_weights": str(path), "methods": rows},
        },
        **CONFIG_LOADER_ARGS,
    )
    loader["globals"]["folder"] = str(folder)
    catalog = DataCatalog.from_config(loader["catalog"])
    for key, value in flattened(loader["parameters"]):
        catalog[f"params:{key}"] = value
    pipeline = register_pipelines()["evaluation"].to_outputs("kmeans_scores", "spectral_scores")
    return SequentialRunner().run(pipeline, catalog)


def flattened(parameters, prefix=""):
    for key, value in parameters.items():
        yield f"{prefix}{key}", value
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
