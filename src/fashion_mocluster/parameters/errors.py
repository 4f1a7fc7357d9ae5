"""What is wrong with parameters, in words for who wrote them."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.parameters.completion import at

# Parameters that say which of several classes their group is of.
DISCRIMINATORS = ("kind", "assign", "mechanism")


class ParameterError(FashionMoClusterError, ValueError):
    """A parameter is misspelled, missing or has a wrong value."""


def parameter_error(error: ValidationError, parameters: dict[str, Any]) -> ParameterError:
    """An error with one line per wrong parameter, naming its key."""
    lines: dict[str, str] = {}
    for problem in error.errors():
        key, message = _describe(problem, parameters)
        lines.setdefault(key, f"  {key}: {message}")
    shown = [line for key, line in lines.items() if not _repeats(key, lines)]
    return ParameterError("wrong parameters, nothing was run:\n" + "\n".join(shown))


def _describe(problem: ErrorDetails, parameters: dict[str, Any]) -> tuple[str, str]:
    """The key of a wrong parameter and what is wrong with it."""
    place, siblings = _place(problem["loc"], parameters)
    key = ".".join(place) or "parameters"
    message = problem["msg"].removeprefix("Value error, ")
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        hint = did_you_mean(place[-1], siblings)
        group = at(parameters, *place[:-1]) or {}
        which = next((f" with {t}: {group[t]}" for t in DISCRIMINATORS if t in group), "")
        return key, f"there is no such parameter here{which}{hint}"
    if kind == "missing":
        return key, "this parameter is required"
    if kind == "union_tag_not_found":
        discriminator = problem["ctx"]["discriminator"].strip("'")
        hint = did_you_mean(place[-1], siblings)
        return key, f"{discriminator!r} is required in it{hint}"
    if kind == "union_tag_invalid":
        discriminator = problem["ctx"]["discriminator"].strip("'")
        return f"{key}.{discriminator}", (
            f"Input should be {problem['ctx']['expected_tags']} (got {problem['ctx']['tag']!r})"
        )
    if kind == "string_type" and not isinstance(value, list):
        hint = f"; on the command line put what you typed in quotes: --params='{key}=\"...\"'"
        return key, f"{message} (got {value!r}){hint}"
    if kind.startswith(("list", "tuple")):
        hint = "; write it in conf/<environment>/parameters.yml: lists after --params hold one value only"
        return key, f"{message} (got {value!r}){hint}"
    shown = repr(value)
    got = f" (got {shown})" if place and len(shown) <= 80 else ""
    return key, f"{message}{got}"


def _place(loc: tuple, parameters: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The keys to a wrong value, without the tags that pydantic adds, and the names beside it."""
    tree: Any = parameters
    place, siblings = [], []
    for part in loc:
        if isinstance(tree, dict):
            if part not in tree and part in map(tree.get, DISCRIMINATORS):
                continue  # which of several classes it is, and no key
            siblings, tree = [k for k in tree if k != part], tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            tree = None
        place.append(str(part))
    return place, siblings


def _repeats(key: str, lines: dict[str, str]) -> bool:
    """Whether a wrong key was only copied from another wrong one by :func:`complete`."""
    parts = key.split(".")
    if parts[0] == "variants":
        return ".".join(["moco", *parts[2:]]) in lines
    if parts[:2] == ["bugfix_ablation", "cases"]:
        name = {"finetuning": ["finetuning", "kmeans"]}.get(parts[3], [parts[3]])
        return ".".join([*name, *parts[4:]]) in lines
    whitenings = ("hog_whitening", "patches_whitening")
    if parts[0] in whitenings and ".".join(["whitening", *parts[1:]]) in lines:
        return True
    if "views" in parts and parts[0] in ("finetuning", "whitening", *whitenings):
        return ".".join(["moco", *parts[parts.index("views") :]]) in lines
    return False


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The most similar known name, as the end of a message; empty where none is similar."""
    matches = get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""
