"""Parameters with everything written out that follows from others."""

import copy
from pathlib import Path
from typing import Any

# Stages that draw random numbers of their own and have no seed in conf get the run's seed; these two
# get it plus this offset, by which seed 0 is the thesis's 42.
CLUSTERING_SEED_OFFSET = 42
# Parameters that may be paths in the user's home folder.
PATHS = (
    ("data", "path"),
    ("data", "cluster_names"),
    ("predict", "path"),
    ("predict", "external_embeddings"),
    ("evaluation", "external_embeddings"),
    ("evaluation", "external_weights"),
    ("backbone", "weights"),
)


def complete(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with everything written out that follows from others.

    ``seed`` becomes the seed of every training that names none, of ``patches``, ``whitening``,
    ``evaluation`` and ``ablation``. The views of ``moco`` become those of self-labeling and of
    ``whitening``, except for what these change; ``hog_whitening`` and ``patches_whitening`` say what
    they change of ``whitening``. ``variants`` and the cases of ``bugfix_ablation`` say what they
    change of a recipe; they become whole recipes. ``~`` in paths becomes the home folder. Keys that
    start with ``_``, which only hold YAML anchors, are dropped; so are the thesis's scores where they
    are not to be shown. A path that YAML takes for a number, such as ``2024``, is a path again.
    """
    parameters = {k: copy.deepcopy(v) for k, v in parameters.items() if not k.startswith("_")}
    seed = parameters.get("seed", 0)
    for name in ("moco", "patches"):
        parameters[name] = merged({"seed": seed}, parameters.get(name))
    for group in (parameters.get("finetuning"), at(parameters, "ablation", "cases")):
        for name, recipe in group.items() if isinstance(group, dict) else ():
            group[name] = merged({"seed": seed}, recipe)
    for name in ("evaluation", "ablation"):
        group = parameters.get(name)
        if isinstance(group, dict) and isinstance(seed, int) and group.get("seed") is None:
            group["seed"] = seed + CLUSTERING_SEED_OFFSET
    views = at(parameters, "moco", "views")
    finetuning = parameters.get("finetuning")
    for recipe in finetuning.values() if isinstance(finetuning, dict) else ():
        if at(recipe, "assign") == "turtle":  # self-labeling
            recipe["views"] = merged(views, recipe.get("views", {}))
    if isinstance(parameters.get("whitening"), dict):
        parameters["whitening"] = whitening = merged({"seed": seed}, parameters["whitening"])
        whitening["views"] = merged(views, whitening.get("views", {}))
        for name in ("hog_whitening", "patches_whitening"):
            parameters[name] = merged(whitening, parameters.get(name, {}))
    variants = parameters.get("variants")
    for name, change in variants.items() if isinstance(variants, dict) else ():
        variants[name] = _variant(parameters["moco"], change)
    bugfixes = parameters.get("bugfix_ablation")
    if isinstance(bugfixes, dict) and isinstance(bugfixes.get("fixes"), dict):
        bugfixes["cases"] = _bugfix_cases(parameters, bugfixes)
    methods = at(parameters, "evaluation", "methods")
    if at(parameters, "evaluation", "show_thesis_scores") is False and isinstance(methods, dict):
        for method in methods.values():
            if isinstance(method, dict):
                method.pop("thesis_scores", None)
        if isinstance(parameters.get("report"), dict):
            parameters["report"]["thesis_costs"] = None
    for group, key in PATHS:
        path = at(parameters, group, key)
        if type(path) is int:
            parameters[group][key] = path = str(path)
        if isinstance(path, str) and path.startswith("~"):
            parameters[group][key] = str(Path(path).expanduser())
    return parameters


def _variant(moco: Any, change: Any) -> Any:
    """A recipe that differs from ``moco``; one without a queue takes over the temperatures alone."""
    contrast = at(moco, "contrast")
    if at(change, "contrast", "mechanism") == "end_to_end" and isinstance(contrast, dict):
        shared = {k: v for k, v in contrast.items() if k.startswith("temperature")}
        moco = {**moco, "contrast": shared}
    return merged(moco, change)


def _bugfix_cases(parameters: dict, bugfixes: dict) -> dict:
    """The recipes of the bug-fix ablation: nothing fixed, each fix alone, all fixes together."""
    recipe = {
        "moco": parameters["moco"],
        "finetuning": at(parameters, "finetuning", "kmeans"),
        "embedding": parameters.get("embedding"),
    }
    recipe = merged(recipe, bugfixes.get("protocol") or {})
    changes = {name: at(bugfixes, "fixes", name, "overrides") or {} for name in bugfixes["fixes"]}
    everything: dict = {}
    for change in changes.values():
        everything = merged(everything, change)
    cases = {"thesis": {}, **changes, "all": everything}
    return {name: merged(recipe, change) for name, change in cases.items()}


def at(tree: Any, *keys: str) -> Any:
    """What is at a place of nested dictionaries; None where there is no such place."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def merged(one: Any, other: Any) -> Any:
    """Nested dictionaries merged key by key; whatever else ``other`` holds replaces."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return copy.deepcopy(other)
    result = copy.deepcopy(one)
    for key, value in other.items():
        result[key] = merged(one.get(key), value)
    return result
