"""A pipeline in place of one that the environment has no parameters for."""

from typing import NoReturn

from kedro.pipeline import Pipeline

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.pipelines.wiring import bind, nodes_in


class PipelineUnavailableError(FashionMoClusterError):
    """The pipeline asked for cannot run with these parameters."""


def explain(parameters: dict, reason: str) -> NoReturn:
    """Say, by an error, why there is nothing to run."""
    raise PipelineUnavailableError(reason)


def create_pipeline(reason: str) -> Pipeline:
    """One node that ends the run with ``reason``, so that the pipeline is listed like the others."""
    return nodes_in(None, (bind(explain, reason=reason), "parameters", "explanation"))
