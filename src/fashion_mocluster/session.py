"""The parameters of the Kedro session under way, which shape its pipelines and its catalog.

Kedro builds pipelines without handing them any parameters, and its catalog can only refer to
globals. The context of a session calls :func:`begin`, and every run creates a context; the registry
and the resolvers in ``settings.py`` read from here.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fashion_mocluster.errors import InputError
from fashion_mocluster.parameters.completion import at


@dataclass(frozen=True)
class Session:
    """What a session was started with.

    Attributes:
        parameters: All parameters, completed, as nested dictionaries.
        project_path: The folder that relative paths start from.
        folder: Where runs of all seeds write, relative to it.
        given: Those parameters that the user wrote for this run alone, by dotted key.
    """

    parameters: dict[str, Any]
    project_path: Path
    folder: str
    given: frozenset[str] = frozenset()


_current: ContextVar[Session | None] = ContextVar("session", default=None)


def begin(session: Session) -> None:
    """Make this the session under way."""
    _current.set(session)


def current() -> Session | None:
    """The session under way, or None for commands that start none."""
    return _current.get()


def parameter(name: str, default: Any = None) -> Any:
    """Resolver ``${parameter:data.path}``: the value of a dotted key, ``default`` if it is null."""
    value = at(current().parameters, *name.split("."))
    return default if value is None else value


def case_folder(folder: str, case: str | None) -> str:
    """Where an environment keeps the results of a set of parameters, by its name, if it has one."""
    return folder if case is None else f"{folder}/case_{case}"


def of_seed(folder: str, seed: int) -> str:
    """Where a folder keeps the results of a seed: seed 0 in itself, seed n in ``seed_n`` inside it."""
    return folder if seed == 0 else f"{folder}/seed_{seed}"


def seed_folder(folder: str | None) -> str | None:
    """Resolver ``${seed_folder:data}``: where the session's seed keeps its own, a full path or null."""
    return None if folder is None else full_path(of_seed(folder, current().parameters["seed"]))


def full_path(path: str) -> str:
    """Resolver ``${full_path:data}``: a path that starts from the project's folder, as a full path.

    An object storage is refused by an InputError.
    """
    if "://" in path:
        raise InputError(f"{path} is not the path of a folder on this machine; mount the storage")
    return str(current().project_path / Path(path).expanduser())


def output_folder() -> Path:
    """Where the session writes, with the seed."""
    return Path(seed_folder(current().folder))
