"""What all groups of parameters are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
# Of NumPy's and scikit-learn's generators, and of torch's.
ClusteringSeed = Annotated[int, Field(ge=0, lt=2**32)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
# It becomes a namespace and a file name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Parameters(BaseModel):
    """Base of all parameter groups: frozen, and unknown keys are errors.

    What each parameter means stands beside it in ``conf/base``; the classes say what takes more words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
