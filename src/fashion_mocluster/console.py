"""What a run prints of errors and of Kedro's messages."""

import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType

import yaml
from kedro.io import DatasetError

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters import ParameterError


def is_news(record: logging.LogRecord) -> bool:
    """A filter for Kedro's messages: where nothing is done yet, there is nothing to resume."""
    return not record.getMessage().startswith("No nodes ran.")


def print_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print errors that are raised on purpose in one line, all others with their traceback."""
    if message := _message(error, trace):
        print(f"\n{type(message).__name__}: {message}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _message(error: BaseException, trace: TracebackType | None) -> BaseException | None:
    """The error whose message says all there is to say, or None for a surprise."""
    if isinstance(error, FashionMoClusterError):
        return error
    if isinstance(error, DatasetError):
        # Kedro wraps whatever a dataset raises; a bug in a dataset stays a surprise.
        is_said = error.__cause__ is None or isinstance(error.__cause__, OSError)
        return error if is_said else _message(error.__cause__, trace)
    if isinstance(error, yaml.YAMLError):
        return ParameterError(
            f"--params or a file of conf is no valid YAML, put the value in quotes: {error}"
        )
    innermost = Path(traceback.extract_tb(trace)[-1].filename).parts if trace else ()
    if isinstance(error, ValueError) and innermost[-3:] == ("framework", "session", "session.py"):
        return error  # no pipeline of this name, or nothing left of it
    return None
