"""What the project adds to Kedro's life cycle."""

from typing import Any

from kedro.framework.hooks import hook_impl
from omegaconf import OmegaConf

from fashion_mocluster import pipeline_registry
from fashion_mocluster.parameters import check_parameters


class ParametersFirst:
    """Checks all parameters before anything runs, and lets them shape catalog and pipelines."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Kedro resolves catalog and pipelines after this."""
        # Not `context.params`: that would build the pipelines before they are told their shape.
        parameters = context.config_loader["parameters"]
        pipeline_registry.use_parameters(check_parameters(parameters))
        # The catalog reads `${parameter:data.path}`: wherever a parameter is overridden, in an
        # environment or on the command line, the catalog follows.
        OmegaConf.register_new_resolver(
            "parameter",
            lambda key: OmegaConf.select(OmegaConf.create(parameters), key),
            replace=True,
        )
