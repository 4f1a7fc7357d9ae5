"""All parameters of the project, checked as one before anything runs."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    FinetuningParameters,
    MocoParameters,
)
from fashion_mocluster.pipelines.ablation.parameters import AblationParameters
from fashion_mocluster.pipelines.data_processing.parameters import DataParameters
from fashion_mocluster.pipelines.evaluation.parameters import EvaluationParameters


class FinetuningGroup(BaseModel):
    """The finetunings by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kmeans: FinetuningParameters
    spectral: FinetuningParameters


class ProjectParameters(BaseModel):
    """Everything that ``conf`` and ``--params`` may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    n_clusters: Annotated[int, Field(ge=1)]
    data: DataParameters
    moco: MocoParameters
    embedding: EmbeddingParameters
    finetuning: FinetuningGroup
    evaluation: EvaluationParameters
    ablation: AblationParameters

    @model_validator(mode="after")
    def _complete(self):
        missing = sorted(set(self.ablation.run) - set(self.ablation.cases))
        if missing:
            raise ValueError(f"ablation.run names cases without a recipe: {', '.join(missing)}")
        used = {m.representation for m in self.evaluation.methods.values()}
        used.add(self.evaluation.selection.representation)
        for representation, key in (
            ("external", "external_embeddings"),
            ("published", "published_weights"),
        ):
            if representation in used and getattr(self.evaluation, key) is None:
                raise ValueError(
                    f"evaluation uses the representation {representation!r}; name its file in "
                    f"evaluation.{key}"
                )
        return self


class ParameterError(ValueError):
    """A parameter is misspelt, missing or has a wrong value."""


def check_parameters(parameters: dict) -> ProjectParameters:
    """All parameters as typed objects; keys that start with ``_`` only hold YAML anchors.

    Raises:
        ParameterError: With one line per wrong parameter, naming its key.
    """
    try:
        return ProjectParameters(
            **{key: value for key, value in parameters.items() if not key.startswith("_")}
        )
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(map(str, problem["loc"])) or "parameters"
            message = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "extra_forbidden":
                message = "no parameter of this name; check the spelling"
            elif problem["type"] != "missing":
                message += f" (got {problem['input']!r})" if problem["loc"] else ""
            lines.append(f"  {key}: {message}")
        raise ParameterError("wrong parameters, nothing was run:\n" + "\n".join(lines)) from None
