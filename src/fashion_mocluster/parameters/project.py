"""All parameters of the project as one object, and what a run needs according to them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from fashion_mocluster.clustering.parameters import (
    MethodParameters,
    starts_from_method,
    starts_from_pixel_clusters,
)
from fashion_mocluster.learning.parameters import (
    AnyFinetuningParameters,
    BackboneParameters,
    EmbeddingParameters,
    HogParameters,
    MocoParameters,
    PatchParameters,
    WhiteningParameters,
)
from fashion_mocluster.parameter_types import Name, Parameters, Positive
from fashion_mocluster.parameters.completion import CLUSTERING_SEED_OFFSET
from fashion_mocluster.parameters.errors import did_you_mean, parameter_error
from fashion_mocluster.pipelines.ablation.parameters import (
    AblationParameters,
    BugfixAblationParameters,
)
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation.parameters import (
    EvaluationParameters,
    PredictParameters,
    ReportParameters,
)
from fashion_mocluster.representations import ABLATIONS, BUILTIN, WHITENED, encoder_of
from fashion_mocluster.wording import counted

# In place of a number of clusters: one is chosen without labels.
AUTO = "auto"
# In place of a method's name in `predict`: the one that was chosen without labels.
BEST = "best"
# Names that no method may have, for there are other tables called <name>_clusters.
RESERVED = {BEST, "pixel", "predicted"}


def _number_or_auto(n_clusters: Any) -> int | str:
    """A number of clusters as it may be given; else a ValueError."""
    is_number = isinstance(n_clusters, int) and not isinstance(n_clusters, bool)
    if n_clusters != AUTO and not (is_number and n_clusters >= 1):
        raise ValueError("give a whole number of at least 1, or auto")
    return n_clusters


class ProjectParameters(Parameters):
    """Everything that ``conf`` and ``--params`` may set, completed by :func:`complete`."""

    seed: Annotated[int, Field(ge=0, lt=2**32 - CLUSTERING_SEED_OFFSET)]
    case: Name | None
    n_clusters: Annotated[Any, AfterValidator(_number_or_auto)]
    data: DataParameters
    moco: MocoParameters
    variants: dict[Name, MocoParameters]
    embedding: EmbeddingParameters
    whitening: WhiteningParameters
    hog: HogParameters
    hog_whitening: WhiteningParameters
    patches: PatchParameters
    patches_whitening: WhiteningParameters
    joined: dict[Name, Annotated[dict[Name, Positive], Field(min_length=2)]]
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
                    hint = did_you_mean(name, self.evaluation.methods)
                    raise ValueError(f"{key}: there is no method {name!r}{hint}")
        return self

    @model_validator(mode="after")
    def _starts_are_found_before(self):
        names = self.evaluation.run_methods
        for place, (name, method) in enumerate(self.methods_run.items()):
            start = starts_from_method(method.clusterer)
            if start is None:
                continue
            key = f"evaluation.methods.{name}.clusterer.init is {start}"
            if start not in names[:place]:
                raise ValueError(
                    f"{key}, neither random nor pixel_clusters nor a method that is run before; name "
                    "it earlier in evaluation.run_methods"
                )
            if self.evaluation.methods[start].clusterer.finds_n_clusters:
                raise ValueError(f"{key}, which finds how many clusters there are; name another")
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
        for name in self.joined:
            if name in BUILTIN or encoder_of(name) in encoders:
                raise ValueError(f"joined.{name}: another representation has this name; rename it")
        for name in self.representations:
            if name not in BUILTIN and encoder_of(name) not in encoders:
                known = sorted({*BUILTIN, *encoders, *self.joined})
                raise ValueError(
                    f"evaluation: unknown representation {name!r}{did_you_mean(name, known)}; known are "
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
    def _trainings_are_no_ablations(self):
        for group in ("variants", "finetuning"):
            for name in getattr(self, group):
                if name.startswith(ABLATIONS):
                    raise ValueError(
                        f"{group}.{name}: what ablations train is called so; rename it"
                    )
        return self

    @model_validator(mode="after")
    def _whitening_fits(self):
        for name in self.variants:
            if name.endswith((WHITENED, "_finetuned")):
                raise ValueError(
                    f"variants.{name}: {WHITENED} and _finetuned end other names; rename it"
                )
        for name in ("hog", "patches"):
            if (stage := getattr(self, f"{name}_whitening").stage) != 1:
                raise ValueError(
                    f"{name}_whitening.stage is {stage}, but {name} has one stage; set it to 1"
                )
        for name, recipe in self._whitened().items():
            if (stages := len(recipe.encoder.blocks)) < self.whitening.stage:
                raise ValueError(
                    f"whitening.stage is {self.whitening.stage}, but the encoder of {name} has "
                    f"{counted(stages, 'stage')}; lower it"
                )
        return self

    def _whitened(self) -> dict[str, MocoParameters]:
        """The trainings whose encoders' feature maps are whitened."""
        encoders = {encoder_of(n) for n in self.representations if n.endswith(WHITENED)}
        for name, recipe in self.finetunings_needed.items():
            learns_them = getattr(recipe, "features", None) == "whitened_maps"
            if learns_them or f"{name}_finetuned" in encoders:
                encoders.add("moco")
        return {n: r for n, r in {"moco": self.moco, **self.variants}.items() if n in encoders}

    @property
    def methods_run(self) -> dict[str, MethodParameters]:
        """The methods that are run, by name."""
        return {name: self.evaluation.methods[name] for name in self.evaluation.run_methods}

    @property
    def representations(self) -> set[str]:
        """All representations that this run needs; of joined ones the parts."""
        criterion = self.evaluation.model_selection.representation
        names = {criterion, *(method.representation for method in self.methods_run.values())}
        return {part for name in names for part in self.joined.get(name, [name])}

    @property
    def encoder_namespaces(self) -> dict[str, str]:
        """The namespace of the training that makes each encoder, by the encoder's name."""
        return {
            "moco": "moco_pretraining",
            "backbone": "evaluation",
            "hog": "evaluation",
            "patches": "evaluation",
            **{name: f"moco_pretraining.{name}" for name in self.variants},
            **{f"{name}_finetuned": f"cluster_finetuning.{name}" for name in self.finetuning},
        }

    @property
    def pretrainings_needed(self) -> list[str]:
        """The trainings that a method clusters embeddings of; all finetunings start from ``moco``."""
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
        """The methods run whose clusters, or those that their encoder learned, are of equal size."""
        trained = {
            f"{name}_finetuned"
            for name, recipe in self.finetuning.items()
            if recipe.assign == "turtle"
        }

        def learned(representation: str) -> bool:
            parts = self.joined.get(representation, [representation])
            return any(encoder_of(part) in trained for part in parts)

        return [
            name
            for name, method in self.methods_run.items()
            if method.clusterer.assumes_equal_sizes or learned(method.representation)
        ]


def check_parameters(parameters: dict[str, Any]) -> ProjectParameters:
    """Completed parameters as typed objects.

    Raises:
        ParameterError: With one line per wrong parameter, naming its key.
    """
    try:
        return ProjectParameters(**parameters)
    except ValidationError as error:
        raise parameter_error(error, parameters) from None
