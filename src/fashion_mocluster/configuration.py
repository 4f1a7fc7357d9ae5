"""The files in ``conf``, also for what starts no session."""

from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader

from fashion_mocluster.parameters.errors import ParameterError


def files_of(project: Path, env: str | None, kind: str) -> dict[str, Any]:
    """The ``parameters``, ``globals`` or ``catalog`` of an environment, without any ``--params``.

    Raises:
        ParameterError: There is no such environment.
    """
    from fashion_mocluster.settings import CONFIG_LOADER_ARGS  # which imports the context

    return loaded(OmegaConfigLoader(str(project / "conf"), env, **CONFIG_LOADER_ARGS), kind)


def loaded(loader: OmegaConfigLoader, kind: str) -> dict[str, Any]:
    """What a loader has of a kind.

    Raises:
        ParameterError: There is no such environment.
    """
    try:
        return loader[kind]
    except MissingConfigException:
        known = sorted(p.name for p in Path(loader.conf_source).iterdir() if p.is_dir())
        raise ParameterError(
            f"--env={loader.env}: there is no folder {loader.conf_source}/{loader.env}; the environments "
            f"are {', '.join(known)}"
        ) from None
