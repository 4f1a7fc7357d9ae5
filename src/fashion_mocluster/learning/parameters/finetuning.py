"""Parameters of cluster finetuning and self-labeling."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from fashion_mocluster.learning.parameters.images import PreprocessingParameters, ViewParameters
from fashion_mocluster.learning.parameters.training import (
    CheckpointParameters,
    ComputeParameters,
    EarlyStoppingParameters,
    OptimizerParameters,
    SplitBatchesParameters,
    SurrogateParameters,
)
from fashion_mocluster.parameter_types import (
    Count,
    Fraction,
    NonNegative,
    Parameters,
    Positive,
    Seed,
)


class CentersParameters(Parameters):
    """Cluster centers that are trained with the encoder (table 1j of the thesis).

    ``balance_weight`` guards against collapse: it weighs the entropy of the mean assignment, which
    falls when clusters empty. 0 leaves the guard out.
    """

    temperature: Positive = 0.1
    balance_weight: NonNegative = 1


class BaseFinetuningParameters(Parameters):
    """What all finetunings of one full-batch step per epoch have.

    ``checkpoint_selection``: ``label_free`` keeps the epoch with the lowest loss; ``thesis_score`` the
    epoch that the thesis's score likes best, of which 60 percent are computed from labels.
    ``save_weights``: of that epoch, those ``before_step``, which were scored, or those ``after_step``,
    which the published scripts save with the scores of the ones before.
    """

    seed: Seed
    epochs: Count
    n_init: Count = 10
    learning_rate: Positive
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 0
    unit_norm: bool = True
    batch_size: Count = 250
    preprocessing: PreprocessingParameters | None = None
    surrogate: SurrogateParameters = SurrogateParameters()
    checkpoint_selection: Literal["label_free", "thesis_score"] = "label_free"
    save_weights: Literal["before_step", "after_step"] = "before_step"
    early_stopping: EarlyStoppingParameters | None = None
    checkpoints: CheckpointParameters = CheckpointParameters()
    compute: ComputeParameters = ComputeParameters()


class KMeansFinetuningParameters(BaseFinetuningParameters):
    """Clusters by k-means, found anew before every epoch."""

    assign: Literal["kmeans"]


class SpectralFinetuningParameters(BaseFinetuningParameters):
    """Spectral clusters on a graph of ``n_neighbors``, found anew before every epoch."""

    assign: Literal["spectral"]
    n_neighbors: Count = 10


class LearnableCentersFinetuningParameters(BaseFinetuningParameters):
    """Cluster centers trained with the encoder; they start at those of k-means."""

    assign: Literal["learnable_centers"]
    centers: CentersParameters = CentersParameters()


FinetuningParameters = Annotated[
    KMeansFinetuningParameters
    | SpectralFinetuningParameters
    | LearnableCentersFinetuningParameters,
    Field(discriminator="assign"),
]


def finetuning_parameters(group: dict | BaseFinetuningParameters) -> BaseFinetuningParameters:
    """A parameter group of ``finetuning`` as an object of its kind.

    Kedro checks parameters against classes, not unions, so nodes get this group as a mapping.
    """
    return TypeAdapter(FinetuningParameters).validate_python(group)


class SelfLabelingParameters(SplitBatchesParameters):
    """The whole recipe of one self-labeling: rounds of training on the clusters that are found.

    ``temperature`` divides the embedding, a unit vector, before the linear head.
    """

    assign: Literal["turtle"]
    features: Literal["pooled", "whitened_maps"] = "pooled"
    seed: Seed
    n_rounds: Count
    epochs: Count
    n_neighbors: Count = 15
    n_init: Count = 8
    init: Literal["random", "pixel_clusters"] = "random"
    neighbor_agreement_threshold: Fraction
    label_smoothing: Fraction = 0
    temperature: Positive
    views: ViewParameters
    optimizer: OptimizerParameters
    checkpoints: CheckpointParameters = CheckpointParameters()


AnyFinetuningParameters = Annotated[
    KMeansFinetuningParameters
    | SpectralFinetuningParameters
    | LearnableCentersFinetuningParameters
    | SelfLabelingParameters,
    Field(discriminator="assign"),
]
