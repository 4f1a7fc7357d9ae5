"""Parameters of the ablation."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fashion_mocluster.clustering.parameters import ClustererParameters, Published
from fashion_mocluster.learning.parameters import MocoParameters

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
