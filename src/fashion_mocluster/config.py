"""The configuration loader: parameters are checked first, then they shape the rest."""

from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from fashion_mocluster import pipeline_registry
from fashion_mocluster.parameters import check_parameters, complete


class ProjectConfigLoader(OmegaConfigLoader):
    """Kedro's loader, with parameters that are wrong refused before anything runs.

    The catalog may say ``${parameter:data.path}``: wherever a parameter is overridden, in an
    environment or on the command line, the catalog follows; ``${parameter:name,else}`` is ``else``
    while the parameter is null. The pipelines follow likewise.
    ``${folder:}`` is where the run writes, ``${shipped:}`` where weights are that it may use instead
    of its own.
    """

    def __getitem__(self, key: str) -> dict[str, Any]:
        """The merged configuration of one kind.

        Raises:
            ParameterError: A parameter is misspelt, missing or has a wrong value.
        """
        if key == "parameters":
            parameters = complete(super().__getitem__(key))
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
            OmegaConf.register_new_resolver("shipped", lambda: self.shipped, replace=True)
        return super().__getitem__(key)

    @property
    def folder(self) -> str:
        """Where this run writes: the environment's folder, for seeds other than 0 one inside it."""
        folder, seed = self["globals"]["folder"], self["parameters"]["seed"]
        return folder if seed == 0 else f"{folder}/seed_{seed}"

    @property
    def shipped(self) -> str:
        """Where weights are that came with the project; no other seed may pass for theirs."""
        shipped = self["globals"]["shipped"]
        return shipped if shipped and self["parameters"]["seed"] == 0 else self.folder
