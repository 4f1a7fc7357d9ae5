"""What the project adds to Kedro's life cycle."""

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from kedro.framework.hooks import hook_impl
from kedro.io import DatasetError

PACKAGE = __name__.partition(".")[0]


class ErrorsInOneLine:
    """Spares users the traceback of errors that explain themselves."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Installed with the session, so that importing the package changes nothing."""
        sys.excepthook = print_error


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
