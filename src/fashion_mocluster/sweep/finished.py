"""Which runs need not be made again: a mark in the folder of each that ended well."""

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from fashion_mocluster import provenance
from fashion_mocluster.datasets.atomic import write_bytes_atomically
from fashion_mocluster.parameters import check_parameters, complete
from fashion_mocluster.settings import CONFIG_LOADER_ARGS
from fashion_mocluster.sweep.plan import Run

MARK = "finished.json"


def configuration(project: Path, env: str) -> OmegaConfigLoader:
    """The files of an environment."""
    return OmegaConfigLoader(str(project / "conf"), env, **CONFIG_LOADER_ARGS)


def made_from(run: Run, project: Path) -> str:
    """Tells what a run is made from: pipelines, parameters and images.

    Raises:
        ParameterError: A parameter is wrong.
    """
    given = OmegaConf.from_dotlist([item for item in run.params.split(",") if item])
    merged = OmegaConf.merge(_parameters(project, run.env), given, {"seed": run.seed})
    parameters = complete(OmegaConf.to_container(merged))
    check_parameters(parameters)
    images = _signature(project, parameters["data"]["path"])
    return _digest(json.dumps([run.pipelines, parameters, images], sort_keys=True).encode())


def mark_finished(folder: Path, origin: str) -> None:
    """Remember that a run ended well."""
    mark = {"made_from": origin, "provenance": _provenance(folder)}
    write_bytes_atomically(folder / MARK, json.dumps(mark).encode())


def is_finished(folder: Path, origin: str) -> bool:
    """Whether a run of the same origin ended well and nothing was written there since."""
    with suppress(OSError, ValueError):
        mark = json.loads((folder / MARK).read_text())
        return mark == {"made_from": origin, "provenance": _provenance(folder)}
    return False


@cache
def _parameters(project: Path, env: str) -> dict[str, Any]:
    return configuration(project, env)["parameters"]


@cache
def _signature(project: Path, path: str) -> str | None:
    return provenance.signature(project, path)


def _provenance(folder: Path) -> str:
    """Every run that saves a dataset changes this file, unless it is made from the same."""
    return _digest((folder / "provenance.json").read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
