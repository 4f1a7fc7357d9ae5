"""What the project adds to Kedro's life cycle."""

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError
from omegaconf import OmegaConf

from fashion_mocluster import pipeline_registry
from fashion_mocluster.parameters import check_parameters

PACKAGE = __name__.partition(".")[0]


class ParametersFirst:
    """Checks all parameters before anything runs, and lets them shape catalog and pipelines."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Kedro resolves catalog and pipelines after this."""
        sys.excepthook = print_error
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


def print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Errors that this project or a data set raised on purpose say all there is to say; any other
    is a surprise and comes with its traceback.
    """
    innermost = traceback.extract_tb(trace)[-1].filename if trace else ""
    if isinstance(error, DatasetError) or PACKAGE in Path(innermost).parts:
        print(f"\n{kind.__name__}: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
