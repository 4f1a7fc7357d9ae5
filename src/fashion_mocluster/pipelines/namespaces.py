"""Pipelines in a namespace of Kedro's."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline


def in_namespace(
    namespace: str,
    nodes: Iterable[Node],
    inputs: Iterable[str] | Mapping[str, str],
    outputs: Iterable[str] | Mapping[str, str],
    **parameters: str,
) -> Pipeline:
    """Nodes whose datasets get the prefix ``<namespace>.``, but for parameters and those named here.

    Args:
        inputs: Free inputs that keep their names, or what they are called outside.
        outputs: The same of outputs.
        parameters: What parameter groups are called outside, where that is another name.
    """
    nodes = list(nodes)
    names = {name for node in nodes for name in node.inputs}
    own = {name for name in names if name.startswith("params:") or name == "parameters"}
    renamed = {f"params:{name}": f"params:{outside}" for name, outside in parameters.items()}
    return Pipeline(
        nodes,
        namespace=namespace,
        inputs=dict(inputs) if isinstance(inputs, Mapping) else set(inputs),
        outputs=dict(outputs) if isinstance(outputs, Mapping) else set(outputs),
        parameters={**{name: name for name in own}, **renamed},
    )
