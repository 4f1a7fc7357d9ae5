"""The configuration loader: parameters are checked first, then they shape the rest."""

from collections.abc import Iterator
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import ConfigTypeError

from fashion_mocluster import pipeline_registry
from fashion_mocluster.parameters import ParameterError, check_parameters, complete


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with parameters that are wrong refused before anything runs.

    The catalog may say ``${parameter:data.path}``: wherever a parameter is overridden, in an
    environment or on the command line, the catalog follows; ``${parameter:name,else}`` is ``else``
    while the parameter is null. The pipelines follow likewise.
    ``${folder:}`` is where the run writes, ``${pretrained_dir:}`` where weights are that it may use instead
    of its own.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The merged configuration of one kind.

        Raises:
            ParameterError: A parameter is misspelled, missing or has a wrong value.
        """
        if key == "parameters":
            parameters = complete(self._merged_parameters())
            pipeline_registry.use_parameters(check_parameters(parameters))
            return parameters
        if key == "catalog":
            parameters = OmegaConf.create(self["parameters"])
            OmegaConf.register_new_resolver(
                "parameter",
                lambda name, default=None: (
                    default if (value := OmegaConf.select(parameters, name)) is None else value
                ),
                replace=True,
            )
            OmegaConf.register_new_resolver("folder", lambda: self.folder, replace=True)
            OmegaConf.register_new_resolver(
                "pretrained_dir", lambda: self.pretrained_dir, replace=True
            )
        return super().__getitem__(key)

    def _merged_parameters(self) -> dict[str, Any]:
        try:
            return super().__getitem__("parameters")
        except ConfigTypeError:  # which says that, but not where
            given, self.runtime_params = self.runtime_params, {}
            known, self.runtime_params = super().__getitem__("parameters"), given
            names = ", ".join(_list_or_mapping(known, given))
            raise ParameterError(
                f"wrong parameters, nothing was run:\n  --params: {names} is a list in conf and a "
                "mapping here, or the reverse; write it whole in conf/<environment>/parameters.yml"
            ) from None

    @property
    def folder(self) -> str:
        """Where this run writes: the environment's folder, for seeds other than 0 one inside it."""
        return self._of_seed(self["globals"]["folder"])

    @property
    def pretrained_dir(self) -> str:
        """Where weights of this seed would be that came with the project."""
        folder = self["globals"]["pretrained_dir"]
        return self._of_seed(folder) if folder else self.folder

    def _of_seed(self, folder: str) -> str:
        seed = self["parameters"]["seed"]
        return folder if seed == 0 else f"{folder}/seed_{seed}"


def _list_or_mapping(known: Any, given: Any, name: str = "") -> Iterator[str]:
    """Names of what is a list in the one and a mapping in the other."""
    if isinstance(known, dict) and isinstance(given, dict):
        for key in known.keys() & given.keys():
            yield from _list_or_mapping(known[key], given[key], f"{name}.{key}".lstrip("."))
    elif {type(known), type(given)} == {list, dict}:
        yield name
