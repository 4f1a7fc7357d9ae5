"""Parameters of the ablation."""

from typing import Annotated, Any, Literal

from pydantic import Field

from fashion_mocluster.clustering.parameters import KMeansParameters, ThesisScores
from fashion_mocluster.learning.parameters import (
    EmbeddingParameters,
    FinetuningParameters,
    MocoParameters,
)
from fashion_mocluster.parameter_types import ClusteringSeed, Count, Name, Parameters

Case = Literal["a", "b", "c", "d", "e", "f", "g"]


class AblationParameters(Parameters):
    """Cases to run, as letters in a row, and the recipe of each.

    All cases are clustered in the same way, so that their scores differ by the encoder alone.
    """

    run: Annotated[str, Field(pattern=r"^[a-g]+$")]
    seed: ClusteringSeed
    clusterer: KMeansParameters
    cases: dict[Case, MocoParameters]
    thesis_scores: dict[Case, ThesisScores]


class Fix(Parameters):
    """One fault of the thesis's scripts corrected: its number and what the correction changes."""

    issue: Count
    change: str
    overrides: dict[str, Any]


class BugfixRecipe(Parameters):
    """The whole recipe of one case of the bug-fix ablation."""

    moco: MocoParameters
    finetuning: FinetuningParameters
    embedding: EmbeddingParameters


class BugfixAblationParameters(Parameters):
    """The effect of each fault: fixes made one at a time, from the environment's own recipe.

    ``cases`` follow from the rest: ``thesis`` fixes nothing, ``all`` fixes everything.
    """

    clusterer: KMeansParameters
    protocol: dict[str, Any]
    fixes: dict[Name, Fix]
    cases: dict[str, BugfixRecipe]
