"""What a run takes over from the files and the parameters of an earlier one."""

import logging
from collections.abc import Mapping
from functools import reduce
from operator import getitem
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from fashion_mocluster import provenance, session
from fashion_mocluster.errors import FashionMoClusterError

logger = logging.getLogger(__name__)

# Files of the user's, and the parameters that name them.
NAMED_FILES = {**provenance.FILES, "cluster_names_file": "data.cluster_names"}


class MissingFileError(FashionMoClusterError, RuntimeError):
    """A run needs a file that the user named, or that an earlier run should have made."""


def refuse_missing(
    pipeline: Pipeline,
    catalog: CatalogProtocol,
    registered: Mapping[str, Pipeline],
    env: str | None,
) -> None:
    """Look for the files that a pipeline starts from, before anything runs.

    Args:
        registered: All pipelines by name, for the command that makes what is missing.

    Raises:
        MissingFileError: One of the files is missing.
    """
    # Of what several pipelines make, ``evaluation`` is the one to name.
    makers = {
        output: name
        for name in [*registered, "evaluation"]
        for output in registered[name].all_outputs()
    }
    for name in sorted(pipeline.inputs() & (NAMED_FILES.keys() | makers.keys())):
        if name not in catalog or catalog.exists(name):
            continue
        if key := NAMED_FILES.get(name):
            raise MissingFileError(f"{key}: {session.parameter(key)}: no such file")
        command = f"kedro run{f' --env={env}' if env else ''} --pipelines={makers[name]}"
        raise MissingFileError(
            f"{name}: no run has stored this in {session.output_folder()} yet; make it first, "
            f"with the same parameters: {command}"
        )


def give_parameters(taken: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol) -> None:
    """Give a pipeline's nodes parameters of the stored run, by dotted key, in place of this run's own."""
    if taken:
        shown = [f"{key} {value}" for key, value in sorted(taken.items())]
        more = f" and {len(shown) - 4} more" if len(shown) > 4 else ""
        logger.info("taken from the stored run: %s%s", ", ".join(shown[:4]), more)
    for name in pipeline.inputs():
        prefix = f"{name.removeprefix('params:')}."
        values = {k.removeprefix(prefix): v for k, v in taken.items() if k.startswith(prefix)}
        if values:
            catalog.save(name, _replaced(catalog.load(name), values))


def _replaced(parameters: BaseModel, values: dict[str, Any]) -> BaseModel:
    """The same parameters but for some values by dotted key."""
    tree = parameters.model_dump()
    for key, value in values.items():
        *groups, last = key.split(".")
        reduce(getitem, groups, tree)[last] = value
    return type(parameters).model_validate(tree)
