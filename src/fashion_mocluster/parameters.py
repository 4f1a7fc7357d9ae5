"""All parameters of the project, checked as one before anything runs."""

import copy
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from fashion_mocluster.learning.parameters import (
    AnyFinetuningParameters,
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
from fashion_mocluster.representations import WHITENED, encoder_of


class ProjectParameters(BaseModel):
    """Everything that ``conf`` and ``--params`` may set, completed by :func:`complete`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    n_clusters: Annotated[int, Field(ge=1)]
    data: DataParameters
    moco: MocoParameters
    variants: dict[Name, MocoParameters]
    embedding: EmbeddingParameters
    whitening: WhiteningParameters
    finetuning: dict[Name, AnyFinetuningParameters]
    evaluation: EvaluationParameters
    predict: PredictParameters
    report: ReportParameters
    ablation: AblationParameters
    bugfix_ablation: BugfixAblationParameters | None = None

    @model_validator(mode="after")
    def _consistent(self):
        missing = sorted(set(self.ablation.run) - set(self.ablation.cases))
        if missing:
            raise ValueError(f"ablation.run names cases without a recipe: {', '.join(missing)}")
        unknown = sorted(set(self.evaluation.leave_out) - set(self.evaluation.methods))
        if unknown:
            raise ValueError(f"evaluation.leave_out names no method: {', '.join(unknown)}")
        if self.predict.method not in self.evaluation.methods:
            raise ValueError(f"predict.method names no method: {self.predict.method}")
        for name, recipe in self._whitened().items():
            if (stages := len(recipe.encoder.blocks)) < self.whitening.stage:
                raise ValueError(
                    f"whitening.stage is {self.whitening.stage}, but the encoder of {name} has "
                    f"{stages} stages; lower it"
                )
        for name in self.variants:
            if name.endswith(WHITENED):
                raise ValueError(
                    f"variants.{name}: {WHITENED} is the end of other names; rename it"
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

    def _whitened(self) -> dict[str, MocoParameters]:
        """The trainings whose encoders' maps are whitened."""
        of = {encoder_of(n) for n in self.representations if n.endswith(WHITENED)}
        finetuned = {f"{name}_finetuned" for name in self.finetuning}
        features = {getattr(recipe, "features", "pooled") for recipe in self.finetuning.values()}
        if of & finetuned or "whitened_maps" in features:
            of.add("moco")
        return {n: r for n, r in {"moco": self.moco, **self.variants}.items() if n in of}

    @property
    def methods(self) -> dict[str, str]:
        """Name of each method that is run and of the representation it clusters."""
        left_out = self.evaluation.leave_out
        return {
            name: method.representation
            for name, method in self.evaluation.methods.items()
            if name not in left_out
        }

    @property
    def representations(self) -> set[str]:
        """All representations that this run needs."""
        return {*self.methods.values(), self.evaluation.model_selection.representation}


def complete(parameters: dict) -> dict:
    """The parameters with what follows from others written out.

    ``seed`` becomes the seed of every training that names none, and of ``whitening``; the views of
    ``moco`` those of self-labeling and of ``whitening``, but for what these change. ``variants`` and
    the cases of ``bugfix_ablation`` say what they change; they become whole recipes.
    """
    parameters = copy.deepcopy(parameters)
    seed, moco = {"seed": parameters.get("seed", 0)}, parameters.get("moco")
    parameters["moco"] = _merged(seed, moco)
    for group in (parameters.get("finetuning"), _at(parameters, "ablation", "cases")):
        for name, recipe in group.items() if isinstance(group, dict) else ():
            group[name] = _merged(seed, recipe)
    finetuning, views = parameters.get("finetuning"), _at(parameters, "moco", "views")
    for recipe in finetuning.values() if isinstance(finetuning, dict) else ():
        if _at(recipe, "assign") == "turtle":
            recipe["views"] = _merged(views, recipe.get("views", {}))
    if isinstance(parameters.get("whitening"), dict):
        parameters["whitening"] = whitening = _merged(seed, parameters["whitening"])
        whitening["views"] = _merged(views, whitening.get("views", {}))
    variants = parameters.get("variants")
    for name, change in variants.items() if isinstance(variants, dict) else ():
        variants[name] = _variant(parameters["moco"], change)
    bugfix_ablation = parameters.get("bugfix_ablation")
    if isinstance(bugfix_ablation, dict) and isinstance(bugfix_ablation.get("fixes"), dict):
        bugfix_ablation["cases"] = _bugfix_cases(parameters, bugfix_ablation)
    return parameters


def _variant(moco: Any, change: Any) -> Any:
    """A recipe that differs from ``moco``; one without a queue takes over the temperatures alone."""
    contrast = _at(moco, "contrast")
    if _at(change, "contrast", "mechanism") == "end_to_end" and isinstance(contrast, dict):
        shared = {k: v for k, v in contrast.items() if k.startswith("temperature")}
        moco = {**moco, "contrast": shared}
    return _merged(moco, change)


def _bugfix_cases(parameters: dict, bugfix_ablation: dict) -> dict:
    """The recipes of a bugfix_ablation: nothing flipped, each flip alone, all fixes together."""
    recipe = {
        "moco": parameters["moco"],
        "finetuning": _at(parameters, "finetuning", "kmeans"),
        "embedding": parameters.get("embedding"),
    }
    recipe = _merged(recipe, bugfix_ablation.get("protocol") or {})
    changes = {
        name: _at(bugfix_ablation, "fixes", name, "overrides") or {}
        for name in bugfix_ablation["fixes"]
    }
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


class ParameterError(ValueError):
    """A parameter is misspelled, missing or has a wrong value."""


def check_parameters(parameters: dict) -> ProjectParameters:
    """All parameters as typed objects; keys that start with ``_`` only hold YAML anchors.

    Raises:
        ParameterError: With one line per wrong parameter, naming its key.
    """
    try:
        return ProjectParameters(
            **{k: v for k, v in complete(parameters).items() if not k.startswith("_")}
        )
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        raise ParameterError("wrong parameters, nothing was run:\n" + "\n".join(lines)) from None


def _line(problem: ErrorDetails) -> str:
    """The key of a wrong parameter and what is wrong with it."""
    place, message = list(problem["loc"]), problem["msg"].removeprefix("Value error, ")
    got = f" (got {problem['input']!r})" if place else ""
    # Which kind of finetuning or contrast it is, is part of the place but not of the key.
    if place[:1] == ["finetuning"]:
        del place[2:3]
    if "contrast" in place:
        del place[place.index("contrast") + 1 : place.index("contrast") + 2]
    if problem["type"] == "extra_forbidden":
        message, got = "no parameter of this name; check the spelling", ""
    elif problem["type"] == "missing":
        got = ""
    elif problem["type"] == "union_tag_not_found":
        place.append(problem["ctx"]["discriminator"].strip("'"))
        message, got = "Field required", ""
    elif problem["type"] == "union_tag_invalid":
        place.append(problem["ctx"]["discriminator"].strip("'"))
        message = f"Input should be {problem['ctx']['expected_tags']}"
        got = f" (got {problem['ctx']['tag']!r})"
    key = ".".join(map(str, place)) or "parameters"
    return f"  {key}: {message}{got}"
