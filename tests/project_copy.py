"""The parameters of the project, a copy of it in another folder, and runs of that copy: in this
process or from the command line.
"""

import contextlib
import functools
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from fashion_mocluster.configuration import files_of
from fashion_mocluster.parameters import complete
from fashion_mocluster.parameters.completion import merged

PROJECT = Path(__file__).parents[1]


def project_parameters(env="base", runtime=None):
    """All parameters of an environment, as a run sees them; a copy for the test to change."""
    return complete(merged(_parameter_files(env), runtime or {}))


@functools.cache
def _parameter_files(env):
    """Read once, for that takes longer than most tests."""
    return files_of(PROJECT, env, "parameters")


def copy_project(folder: Path) -> Path:
    """Copy what git holds and a run needs, without results, into ``folder``."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("conf", "src", "data/01_raw", "data/06_models/pretrained"):
        shutil.copytree(PROJECT / name, folder / name, ignore=ignore, dirs_exist_ok=True)
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


@dataclass(frozen=True)
class Run:
    """What a run in this process gave.

    Attributes:
        outputs: Datasets that no node of the run reads, by name.
        log: Messages of the project and of Kedro, one a line.
    """

    outputs: dict[str, Any]
    log: str


def run(
    project: Path,
    env: str | None = None,
    pipelines: Iterable[str] | None = None,
    params: Mapping[str, Any] | None = None,
    to_outputs: Iterable[str] | None = None,
) -> Run:
    """Run pipelines of a copy of the project in this process, as ``kedro run`` would.

    Args:
        project: The copy.
        env: Name of an environment under conf.
        pipelines: Names of pipelines; the default one if None.
        params: Parameters by dotted name, as after ``--params``, with values of the right type.
        to_outputs: Datasets at which the run ends.
    """
    with session(project, env, params) as kedro_session, _messages() as messages:
        outputs = kedro_session.run(
            pipeline_names=list(pipelines) if pipelines else None,
            to_outputs=list(to_outputs) if to_outputs else None,
        )
    return Run(outputs, "\n".join(messages))


@contextlib.contextmanager
def session(
    project: Path, env: str | None = None, params: Mapping[str, Any] | None = None
) -> Iterator[KedroSession]:
    """A Kedro session of a copy of the project, with the copy as the working folder."""
    with contextlib.chdir(project):
        bootstrap_project(project)
        nested = _nested(params or {})
        with KedroSession.create(project, env=env, runtime_params=nested) as kedro_session:
            yield kedro_session


def kedro(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, for what only it does: options, exit status, what is printed where."""
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "1", **environment},
    )


def _nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as nested mappings."""
    tree: dict[str, Any] = {}
    for name, value in params.items():
        *groups, last = name.split(".")
        branch = tree
        for group in groups:
            branch = branch.setdefault(group, {})
        branch[last] = value
    return tree


@contextlib.contextmanager
def _messages() -> Iterator[list[str]]:
    """The messages of the project and of Kedro's runner, as long as the context lasts."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logging.getLogger().addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger().removeHandler(handler)
