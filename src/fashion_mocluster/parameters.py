"""All parameters of the project, completed and checked as one before anything runs."""

import copy
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from fashion_mocluster.clustering.parameters import MethodParameters, starts_from_pixel_clusters
from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.learning.parameters import (
    AnyFinetuningParameters,
    BackboneParameters,
    EmbeddingParameters,
    MocoParameters,
    WhiteningParameters,
)
from fashion_mocluster.pipelines.ablation.parameters import (
    AblationParameters,
    BugfixAblationParameters,
)
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation.parameters import (
    EvaluationParameters,
    Name,
    PredictParameters,
    ReportParameters,
)
from fashion_mocluster.representations import BUILTIN, WHITENED, encoder_of

# Stages that draw random numbers of their own and have no seed in conf get the run's seed; these two
# get it plus this offset, by which seed 0 is the thesis's 42.
CLUSTERING_SEED_OFFSET = 42
# In place of a number of clusters: one is chosen without labels.
AUTO = "auto"
# In place of a method's name in `predict`: the one that was chosen without labels.
BEST = "best"
# Names that no method may have, for there are other tables called <name>_clusters.
RESERVED = {BEST, "pixel", "predicted"}
# Parameters that say which of several classes their group is of.
DISCRIMINATORS = ("kind", "assign", "mechanism")
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


class ParameterError(FashionMoClusterError, ValueError):
    """A parameter is misspelled, missing or has a wrong value."""


def _number_or_auto(n_clusters: Any) -> int | str:
    """A number of clusters as it may be given.

    Raises:
        ValueError: It is neither a whole number of at least 1 nor ``auto``.
    """
    is_number = isinstance(n_clusters, int) and not isinstance(n_clusters, bool)
    if n_clusters != AUTO and not (is_number and n_clusters >= 1):
        raise ValueError("give a whole number of at least 1, or auto")
    return n_clusters


class ProjectParameters(BaseModel):
    """Everything that ``conf`` and ``--params`` may set, completed by :func:`complete`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**32 - CLUSTERING_SEED_OFFSET)]
    n_clusters: Annotated[Any, AfterValidator(_number_or_auto)]
    data: DataParameters
    moco: MocoParameters
    variants: dict[Name, MocoParameters]
    embedding: EmbeddingParameters
    whitening: WhiteningParameters
    backbone: BackboneParameters
    finetuning: dict[Name, AnyFinetuningParameters]
    evaluation: EvaluationParameters
    predict: PredictParameters
    report: ReportParameters
    ablation: AblationParameters
    bugfix_ablation: BugfixAblationParameters | None = None

    @model_validator(mode="after")
    def _names_exist(self):
        missing = sorted(set(self.ablation.run) - set(self.ablation.cases))
        if missing:
            raise ValueError(f"ablation.run names cases without a recipe: {', '.join(missing)}")
        for name in RESERVED & self.evaluation.methods.keys():
            raise ValueError(f"evaluation.methods.{name}: other results have this name; rename it")
        predicted = [] if self.predict.method == BEST else [self.predict.method]
        for key, names in (
            ("evaluation.run_methods", self.evaluation.run_methods),
            ("predict.method", predicted),
        ):
            for name in names:
                if name not in self.evaluation.methods:
                    hint = _did_you_mean(name, self.evaluation.methods)
                    raise ValueError(f"{key}: there is no method {name!r}{hint}")
        return self

    @model_validator(mode="after")
    def _clusters_are_counted_in_time(self):
        recipes = {"moco": self.moco, **self.variants}
        earlier = [n for n in self.pretrainings_needed if recipes[n].clustering is not None]
        earlier += self.finetunings_needed
        methods = self.methods_run.items()
        earlier += [name for name, m in methods if starts_from_pixel_clusters(m.clusterer)]
        if self.n_clusters == AUTO and earlier:
            raise ValueError(
                f"n_clusters is {AUTO}, but {', '.join(earlier)} need a number before the clusters "
                "are counted; set n_clusters to one, or leave out what needs them "
                "(evaluation.run_methods, evaluation.model_selection.representation)"
            )
        return self

    @model_validator(mode="after")
    def _representations_exist(self):
        encoders = self.encoder_namespaces
        for name in self.representations:
            if name not in BUILTIN and encoder_of(name) not in encoders:
                known = sorted({*BUILTIN, *encoders})
                raise ValueError(
                    f"evaluation: unknown representation {name!r}{_did_you_mean(name, known)}; known are "
                    f"{', '.join(known)}, and those of encoders with {WHITENED!r} after the name"
                )
        for representation, key in (
            ("external", "external_embeddings"),
            ("external_encoder", "external_weights"),
        ):
            if representation in self.representations and getattr(self.evaluation, key) is None:
                raise ValueError(
                    f"evaluation uses the representation {representation!r}; name its file in "
                    f"evaluation.{key}"
                )
        return self

    @model_validator(mode="after")
    def _whitening_fits(self):
        for name in self.variants:
            if name.endswith((WHITENED, "_finetuned")):
                raise ValueError(
                    f"variants.{name}: {WHITENED} and _finetuned end other names; rename it"
                )
        for name, recipe in self._whitened().items():
            if (stages := len(recipe.encoder.blocks)) < self.whitening.stage:
                raise ValueError(
                    f"whitening.stage is {self.whitening.stage}, but the encoder of {name} has "
                    f"{stages} stages; lower it"
                )
        return self

    def _whitened(self) -> dict[str, MocoParameters]:
        """The trainings whose encoders' feature maps are whitened."""
        encoders = {encoder_of(n) for n in self.representations if n.endswith(WHITENED)}
        finetuned = {f"{name}_finetuned" for name in self.finetuning}
        if encoders & finetuned or any(
            getattr(recipe, "features", None) == "whitened_maps"
            for recipe in self.finetunings_needed.values()
        ):
            encoders.add("moco")
        return {n: r for n, r in {"moco": self.moco, **self.variants}.items() if n in encoders}

    @property
    def methods_run(self) -> dict[str, MethodParameters]:
        """The methods that are run, by name."""
        return {name: self.evaluation.methods[name] for name in self.evaluation.run_methods}

    @property
    def representations(self) -> set[str]:
        """All representations that this run needs."""
        criterion = self.evaluation.model_selection.representation
        return {criterion, *(method.representation for method in self.methods_run.values())}

    @property
    def encoder_namespaces(self) -> dict[str, str]:
        """The namespace of the training that makes each encoder, by the encoder's name."""
        return {
            "moco": "moco_pretraining",
            **{name: f"moco_pretraining.{name}" for name in self.variants},
            **{f"{name}_finetuned": f"cluster_finetuning.{name}" for name in self.finetuning},
        }

    @property
    def pretrainings_needed(self) -> list[str]:
        """``moco`` and the variants whose embeddings a method clusters; finetunings start from moco."""
        encoders = {encoder_of(name) for name in self.representations}
        if self.finetunings_needed:
            encoders.add("moco")
        return [name for name in ("moco", *self.variants) if name in encoders]

    @property
    def finetunings_needed(self) -> dict[str, AnyFinetuningParameters]:
        """The finetunings whose embeddings a method clusters, by name."""
        encoders = {encoder_of(name) for name in self.representations}
        return {n: recipe for n, recipe in self.finetuning.items() if f"{n}_finetuned" in encoders}

    @property
    def equal_sizes_assumed(self) -> list[str]:
        """The methods run that make clusters of about equal size, or whose encoder was trained on
        such clusters.
        """
        trained = {
            f"{name}_finetuned"
            for name, recipe in self.finetuning.items()
            if recipe.assign == "turtle"
        }
        return [
            name
            for name, method in self.methods_run.items()
            if method.clusterer.assumes_equal_sizes or encoder_of(method.representation) in trained
        ]


def complete(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with everything written out that follows from others.

    ``seed`` becomes the seed of every training that names none, of ``whitening``, ``evaluation`` and
    ``ablation``. The views of ``moco`` become those of self-labeling and of ``whitening``, except for
    what these change. ``variants`` and the cases of ``bugfix_ablation`` say what they change of a
    recipe; they become whole recipes. ``~`` in paths becomes the home folder. Keys that start with
    ``_``, which only hold YAML anchors, are dropped; so are the thesis's scores where they are not to
    be shown. A path that YAML takes for a number, such as ``2024``, is a path again.
    """
    parameters = {k: copy.deepcopy(v) for k, v in parameters.items() if not k.startswith("_")}
    seed = parameters.get("seed", 0)
    parameters["moco"] = _merged({"seed": seed}, parameters.get("moco"))
    for group in (parameters.get("finetuning"), _at(parameters, "ablation", "cases")):
        for name, recipe in group.items() if isinstance(group, dict) else ():
            group[name] = _merged({"seed": seed}, recipe)
    for name in ("evaluation", "ablation"):
        if isinstance(seed, int) and _at(parameters, name, "seed") is None:
            parameters[name] = _merged(
                parameters.get(name), {"seed": seed + CLUSTERING_SEED_OFFSET}
            )
    views = _at(parameters, "moco", "views")
    finetuning = parameters.get("finetuning")
    for recipe in finetuning.values() if isinstance(finetuning, dict) else ():
        if _at(recipe, "assign") == "turtle":
            recipe["views"] = _merged(views, recipe.get("views", {}))
    if isinstance(parameters.get("whitening"), dict):
        parameters["whitening"] = whitening = _merged({"seed": seed}, parameters["whitening"])
        whitening["views"] = _merged(views, whitening.get("views", {}))
    variants = parameters.get("variants")
    for name, change in variants.items() if isinstance(variants, dict) else ():
        variants[name] = _variant(parameters["moco"], change)
    bugfixes = parameters.get("bugfix_ablation")
    if isinstance(bugfixes, dict) and isinstance(bugfixes.get("fixes"), dict):
        bugfixes["cases"] = _bugfix_cases(parameters, bugfixes)
    methods = _at(parameters, "evaluation", "methods")
    if _at(parameters, "evaluation", "show_thesis_scores") is False and isinstance(methods, dict):
        for method in methods.values():
            method.pop("thesis_scores", None)
        parameters["report"] = _merged(parameters.get("report"), {"thesis_costs": None})
    for group, key in PATHS:
        path = _at(parameters, group, key)
        if type(path) is int:
            parameters[group][key] = path = str(path)
        if isinstance(path, str) and path.startswith("~"):
            parameters[group][key] = str(Path(path).expanduser())
    return parameters


def _variant(moco: Any, change: Any) -> Any:
    """A recipe that differs from ``moco``; one without a queue takes over the temperatures alone."""
    contrast = _at(moco, "contrast")
    if _at(change, "contrast", "mechanism") == "end_to_end" and isinstance(contrast, dict):
        shared = {k: v for k, v in contrast.items() if k.startswith("temperature")}
        moco = {**moco, "contrast": shared}
    return _merged(moco, change)


def _bugfix_cases(parameters: dict, bugfixes: dict) -> dict:
    """The recipes of the bug-fix ablation: nothing fixed, each fix alone, all fixes together."""
    recipe = {
        "moco": parameters["moco"],
        "finetuning": _at(parameters, "finetuning", "kmeans"),
        "embedding": parameters.get("embedding"),
    }
    recipe = _merged(recipe, bugfixes.get("protocol") or {})
    changes = {name: _at(bugfixes, "fixes", name, "overrides") or {} for name in bugfixes["fixes"]}
    everything: dict = {}
    for change in changes.values():
        everything = _merged(everything, change)
    cases = {"thesis": {}, **changes, "all": everything}
    return {name: _merged(recipe, change) for name, change in cases.items()}


def _at(tree: Any, *keys: str) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _merged(one: Any, other: Any) -> Any:
    """Nested dictionaries merged key by key; whatever else ``other`` holds replaces."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return copy.deepcopy(other)
    merged = copy.deepcopy(one)
    for key, value in other.items():
        merged[key] = _merged(one.get(key), value)
    return merged


def check_parameters(parameters: dict[str, Any]) -> ProjectParameters:
    """Completed parameters as typed objects.

    Raises:
        ParameterError: With one line per wrong parameter, naming its key.
    """
    try:
        return ProjectParameters(**parameters)
    except ValidationError as error:
        lines: dict[str, str] = {}
        for problem in error.errors():
            key, message = _describe(problem, parameters)
            lines.setdefault(key, f"  {key}: {message}")
        shown = [line for key, line in lines.items() if not _repeats(key, lines)]
        raise ParameterError("wrong parameters, nothing was run:\n" + "\n".join(shown)) from None


def _describe(problem: ErrorDetails, parameters: dict[str, Any]) -> tuple[str, str]:
    """The key of a wrong parameter and what is wrong with it."""
    place, siblings = _place(problem["loc"], parameters)
    key = ".".join(place) or "parameters"
    message = problem["msg"].removeprefix("Value error, ")
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        hint = _did_you_mean(place[-1], siblings)
        group = _at(parameters, *place[:-1]) or {}
        which = next((f" with {t}: {group[t]}" for t in DISCRIMINATORS if t in group), "")
        return key, f"there is no such parameter here{which}{hint}"
    if kind == "missing":
        return key, "this parameter is required"
    if kind == "union_tag_not_found":
        discriminator = problem["ctx"]["discriminator"].strip("'")
        hint = _did_you_mean(place[-1], siblings)
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
        hint = "; write lists in conf/<environment>/parameters.yml, --params cannot hold them"
        return key, f"{message} (got {value!r}){hint}"
    shown = repr(value)
    got = f" (got {shown})" if place and len(shown) <= 80 else ""
    return key, f"{message}{got}"


def _place(loc: tuple, parameters: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The keys to a wrong value, without the tags that pydantic puts between them, and the names of
    the parameters beside it.
    """
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
    if "views" in parts and parts[0] in ("finetuning", "whitening"):
        return ".".join(["moco", *parts[parts.index("views") :]]) in lines
    return False


def _did_you_mean(name: str, known: Any) -> str:
    matches = get_close_matches(name, list(known), n=1)
    return f"; did you mean {matches[0]}?" if matches else ""


def list_or_mapping_error(known: dict[str, Any], given: dict[str, Any]) -> ParameterError:
    """The error of a value that is a list in conf and a mapping in ``given``, or the reverse."""
    names = ", ".join(_list_or_mapping(known, given))
    return ParameterError(
        f"wrong parameters, nothing was run:\n  {names}: this is a list in conf and a mapping on the "
        "command line, or the reverse; write the whole value in conf/<environment>/parameters.yml"
    )


def _list_or_mapping(known: Any, given: Any, name: str = "") -> Iterator[str]:
    if isinstance(known, dict) and isinstance(given, dict):
        for key in known.keys() & given.keys():
            yield from _list_or_mapping(known[key], given[key], f"{name}.{key}".lstrip("."))
    elif {type(known), type(given)} == {list, dict}:
        yield name
