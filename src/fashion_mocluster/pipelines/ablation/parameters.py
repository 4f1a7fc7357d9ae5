"""Parameters of the ablation."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fashion_mocluster.clustering.parameters import ClustererParameters, Published
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
    clusterer: ClustererParameters
    cases: dict[Case, MocoParameters]
    published: dict[Case, Published] = {}


class Flip(BaseModel):
    """One finding about the published scripts, put right: what that changes of the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finding: Annotated[int, Field(ge=1)]
    change: str
    to: dict[str, Any]


class StudyRecipe(BaseModel):
    """One case of the study, whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moco: MocoParameters
    finetuning: FinetuningParameters
    embedding: EmbeddingParameters


class StudyParameters(BaseModel):
    """What each finding is worth: flips made one at a time, from the environment's own recipe.

    ``protocol`` changes the recipe of all cases alike, to make it cheaper. ``cases`` follow from
    the rest: ``thesis`` flips nothing, ``all`` flips everything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clusterer: ClustererParameters
    protocol: dict[str, Any] = {}
    flips: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Flip]
    cases: dict[str, StudyRecipe]
