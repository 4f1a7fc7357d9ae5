"""What the project adds to Kedro's life cycle."""

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

PACKAGE = __name__.partition(".")[0]


class ParametersFirst:
    """Wrong parameters stop a session at once, in one line."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Kedro builds the pipelines after this; loading the parameters tells them their shape."""
        sys.excepthook = print_error
        context.config_loader["parameters"]


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
