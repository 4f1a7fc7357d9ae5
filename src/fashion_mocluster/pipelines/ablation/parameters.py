"""Parameters of the ablation."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fashion_mocluster.clustering.parameters import KMeansParameters, ThesisScores
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    FinetuningParameters,
    MocoParameters,
)

Case = Literal["a", "b", "c", "d", "e", "f", "g"]


class AblationParameters(BaseModel):
    """Cases to run, as letters in a row, and the recipe of each.

    All cases are clustered in the same way, so that their scores differ by the encoder alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Annotated[str, Field(pattern=r"^[a-g]+$")]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    clusterer: KMeansParameters
    cases: dict[Case, MocoParameters]
    thesis_scores: dict[Case, ThesisScores] = {}


class Fix(BaseModel):
    """One fault of the thesis's scripts corrected: its number and what the correction changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issue: Annotated[int, Field(ge=1)]
    change: str
    overrides: dict[str, Any]


class BugfixRecipe(BaseModel):
    """The whole recipe of one case of the bug-fix ablation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moco: MocoParameters
    finetuning: FinetuningParameters
    embedding: EmbeddingParameters


class BugfixAblationParameters(BaseModel):
    """The effect of each fault: fixes made one at a time, from the environment's own recipe.

    ``protocol`` changes the recipe of all cases alike, to make it cheaper. ``cases`` follow from
    the rest: ``thesis`` fixes nothing, ``all`` fixes everything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clusterer: KMeansParameters
    protocol: dict[str, Any] = {}
    fixes: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Fix]
    cases: dict[str, BugfixRecipe]
