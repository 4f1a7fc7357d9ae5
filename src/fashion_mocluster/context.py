"""The context of a Kedro session: its parameters are complete and checked, its pipelines follow them."""

import logging
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from kedro.framework.context import KedroContext
from kedro.framework.project import LOGGING, pipelines
from omegaconf.errors import ConfigTypeError

from fashion_mocluster import provenance, session
from fashion_mocluster.configuration import loaded
from fashion_mocluster.console import is_news, print_error
from fashion_mocluster.parameters import PATHS, ParameterError, check_parameters, complete
from fashion_mocluster.parameters.completion import at, merged


class ProjectContext(KedroContext):
    """Kedro's context, created anew by every run, by notebooks and by kedro-viz.

    Raises:
        ParameterError: A parameter is misspelled, missing or has a wrong value.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        loader = self.config_loader
        sys.excepthook = print_error  # outside the project's folder Kedro has put its own there
        logging_config = Path(loader.conf_source) / "logging.yml"
        if logging_config.exists():  # Kedro itself looks for it in the current folder alone
            LOGGING.configure(yaml.safe_load(logging_config.read_text()))
        for handler in logging.getLogger("kedro.runner").handlers:
            handler.addFilter(is_news)  # in conf Kedro takes no filters of others
        if loader.runtime_params:
            refuse_misread(sys.argv, loader.runtime_params)
        parameters = complete(_merged_parameters(loader))
        check_parameters(parameters)
        # Kedro takes what is set here in place of the files.
        loader["parameters"] = parameters
        given = frozenset(provenance.leaves(loader.runtime_params or {}))
        folder = session.case_folder(loader["globals"]["folder"], parameters["case"])
        session.begin(session.Session(parameters, self.project_path, folder, given))
        # Kedro keeps the pipelines of the first session of a process unless told to load them anew.
        pipelines.configure("fashion_mocluster.pipeline_registry")


def _merged_parameters(loader: Any) -> dict[str, Any]:
    """The parameters of the environment and of the command line.

    Raises:
        ParameterError: There is no such environment.
    """
    try:
        return loaded(loader, "parameters")
    except ConfigTypeError:  # a mapping in place of a list, or the reverse: the check says where
        given, loader.runtime_params = loader.runtime_params, {}
        parameters = merged(loader["parameters"], given)
        loader.runtime_params = given
        return parameters


def refuse_misread(arguments: list[str], given: dict[str, Any]) -> None:
    """Kedro reads ``--params`` as YAML, in which `` #`` begins a comment: the value would be cut there.
    Of a path such as ``007``, which YAML takes for a number, only ``7`` would be left.

    Args:
        arguments: The command line.
        given: What Kedro made of it.

    Raises:
        ParameterError: A value after ``--params`` has an unquoted `` #``, or is such a path.
    """
    texts = [text.removeprefix("--params=") for text in arguments if text.startswith("--params=")]
    texts += [value for option, value in pairwise(arguments) if option == "--params"]
    for item in ",".join(texts).split(","):
        name, _, typed = item.partition("=")
        keys = tuple(name.strip().split("."))
        value = at(given, *keys)
        is_number = keys in PATHS and type(value) is int and str(value) != typed.strip()
        if is_number or typed.count(" #") > str(value).count(" #"):
            raise ParameterError(
                f"{item}: would be read as {value!r}; put the value in quotes: "
                f"--params='{name}=\"{typed}\"'"
            )
