"""The parameters of the Kedro session under way, which shape its pipelines and its catalog.

Kedro builds pipelines without handing them any parameters, and its catalog can only refer to
globals. The context of a session calls :func:`begin`, and every run creates a context; the registry
and the resolvers in ``settings.py`` read from here.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Session:
    """What a session was started with.

    Attributes:
        parameters: All parameters, completed, as nested dictionaries.
        project_path: The folder that relative paths start from.
        folder: Where the environment writes, relative to it.
        given: Those parameters that the user wrote for this run alone, by dotted key.
    """

    parameters: dict[str, Any]
    project_path: Path
    folder: str
    given: frozenset[str] = frozenset()


_current: ContextVar[Session | None] = ContextVar("session", default=None)


def begin(
    parameters: dict[str, Any],
    project_path: Path,
    folder: str,
    given: frozenset[str] = frozenset(),
) -> None:
    """Make this the session under way."""
    _current.set(Session(parameters, project_path, folder, given))


def current() -> Session | None:
    """The session under way, or None for commands that start none."""
    return _current.get()


def parameter(name: str, default: Any = None) -> Any:
    """Resolver ``${parameter:data.path}``: the value of a dotted key, ``default`` if it is null."""
    value: Any = current().parameters
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return default if value is None else value


def seed_folder(folder: str | None) -> str | None:
    """Resolver ``${seed_folder:data}``: where runs of the session's seed are kept, as a full path.

    Seed 0 is kept in the folder itself, seed n in ``seed_n`` inside it; null stays null.
    """
    if folder is None:
        return None
    seed, path = current().parameters["seed"], Path(full_path(folder))
    return str(path if seed == 0 else path / f"seed_{seed}")


def full_path(path: str) -> str:
    """Resolver ``${full_path:data}``: a path that starts from the project's folder, as a full path."""
    return str(current().project_path / Path(path).expanduser())


def project_path() -> str:
    """Resolver ``${project_path:}``: the folder that relative paths start from."""
    return str(current().project_path)


def output_folder() -> Path:
    """Where the session writes, with the seed."""
    return Path(seed_folder(current().folder))
