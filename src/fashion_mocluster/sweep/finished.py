"""Which runs need not be made again: a mark in the folder of each that ended well."""

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from yaml import YAMLError

from fashion_mocluster import provenance
from fashion_mocluster.configuration import files_of
from fashion_mocluster.datasets.atomic import write_bytes_atomically
from fashion_mocluster.parameters import PATHS, ParameterError, check_parameters, complete
from fashion_mocluster.parameters.completion import at, merged
from fashion_mocluster.sweep.plan import Run

MARK = "finished.json"
# The same for many runs.
_files_of, _signature = cache(files_of), cache(provenance.signature)


def made_from(run: Run, project: Path) -> str:
    """Tells what a run is made from: pipelines, parameters, images and other files of the user's.

    Raises:
        ParameterError: A parameter is wrong.
    """
    given = {**_given(run.params), "seed": run.seed}
    parameters = complete(merged(_files_of(project, run.env, "parameters"), given))
    check_parameters(parameters)
    read = [place for place in PATHS if place[0] != "predict" or "predict" in run.pipelines]
    paths = [
        provenance.path_of_images(parameters, group)
        if key == "path"
        else at(parameters, group, key)
        for group, key in read
    ]
    try:
        files = [_signature(project, path) for path in paths]
    except OSError as error:
        raise ParameterError(f"{error.filename}: cannot be read ({error.strerror})") from None
    return _digest(json.dumps([run.pipelines, parameters, files], sort_keys=True).encode())


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


def _given(params: str) -> dict[str, Any]:
    """Parameters as after ``--params``, read as Kedro reads them."""
    try:
        items = OmegaConf.from_dotlist([item for item in params.split(",") if item])
        return OmegaConf.to_container(items)
    except YAMLError as error:
        what = getattr(error, "problem", None) or error
        raise ParameterError(
            f"{params}: cannot be read as YAML ({what}); put the value in quotes, see conf/README.md"
        ) from None


def _provenance(folder: Path) -> str:
    """Every run that saves a dataset changes this file, unless it is made from the same."""
    return _digest((folder / "provenance.json").read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
