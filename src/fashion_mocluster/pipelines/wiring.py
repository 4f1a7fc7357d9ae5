"""What all pipelines are wired with."""

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node, Pipeline


def nodes_in(namespace: str | None, *steps: tuple) -> Pipeline:
    """A pipeline of nodes in one namespace.

    Args:
        steps: What ``Node`` takes of each: function, inputs, outputs and its name, by default that of
            the function.
    """
    return Pipeline([_node(namespace, *step) for step in steps])


def _node(
    namespace: str | None,
    function: Callable,
    inputs: str | list[str] | dict[str, str],
    outputs: str | list[str],
    name: str | None = None,
) -> Node:
    return Node(function, inputs, outputs, name=name or function.__name__, namespace=namespace)


def bind(function: Callable, **arguments: Any) -> Callable:
    """A partial function that keeps its name and type hints, by which Kedro checks parameters."""
    return update_wrapper(partial(function, **arguments), function)
