"""Parameters of contrastive pretraining."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fashion_mocluster.learning.parameters.images import PreprocessingParameters, ViewParameters
from fashion_mocluster.learning.parameters.training import (
    CheckpointParameters,
    EarlyStoppingParameters,
    OptimizerParameters,
    SplitBatchesParameters,
    SurrogateParameters,
)
from fashion_mocluster.parameter_types import Count, Fraction, Parameters, Positive, Seed
from fashion_mocluster.wording import counted


class EncoderParameters(Parameters):
    """A CIFAR-style residual network (He et al. 2016, section 4.2) and its projection head.

    ``stem_stride`` 4 is that of the larger networks there (table 1): a convolution of stride 2, then
    max pooling.
    """

    blocks: Annotated[list[Count], Field(min_length=1)]
    widths: Annotated[list[Count], Field(min_length=1)]
    stem_stride: Literal[1, 2, 4] = 1
    residual: bool = True
    pooling: Literal["average", "flatten"] = "average"
    embedding_dim: Count | None = None
    normalize_embedding: bool = False
    projection_hidden: Count | None = None
    projection_dim: Count | None = None
    projection_batchnorm: bool = False

    @model_validator(mode="after")
    def _consistent(self):
        if len(self.blocks) != len(self.widths):
            raise ValueError(
                f"blocks ({counted(len(self.blocks), 'stage')}) and widths "
                f"({counted(len(self.widths), 'stage')}) must name the same number of stages"
            )
        if (self.projection_hidden is None) != (self.projection_dim is None):
            raise ValueError(
                "projection_hidden and projection_dim are given together or not at all"
            )
        return self


class MomentumQueueParameters(Parameters):
    """Momentum contrast: a queue of keys and a key encoder that follows slowly (He et al. 2020).

    ``positive`` says what a query is drawn to: the key of its image's other view, or the key in the
    queue most like that one (Dwibedi et al. 2021).
    """

    mechanism: Literal["momentum_queue"] = "momentum_queue"
    queue_size: Count
    momentum_start: Fraction
    momentum_end: Fraction
    temperature_start: Positive
    temperature_end: Positive
    positive: Literal["augmented_view", "nearest_neighbor"] = "augmented_view"


class EndToEndParameters(Parameters):
    """Both encoders trained by backpropagation, negatives from the batch (He et al. 2020, figure 2a)."""

    mechanism: Literal["end_to_end"] = "end_to_end"
    temperature_start: Positive
    temperature_end: Positive


ContrastParameters = Annotated[
    MomentumQueueParameters | EndToEndParameters, Field(discriminator="mechanism")
]


class QuirkParameters(Parameters):
    """What the thesis's scripts do otherwise than the method they describe.

    Numbers of findings are those of the list of what the published scripts really do.

    ``normalize_queue_over_samples``: finding 1, each dimension of the queue is divided by its norm
    over all keys; keys should have unit length.
    ``step_cosine_per_batch``: finding 3, a cosine whose period is counted in epochs is stepped once
    per batch, so that the learning rate oscillates.
    ``keep_false_negatives``: finding 4, earlier keys of a query's own image are negatives.
    ``resample_twice``: finding 8, views are cropped by bilinear and then rotated by nearest-neighbor
    resampling; once is enough.
    ``monitor_raw_loss``: finding 10, early stopping monitors the loss at each epoch's own
    temperature, which changes its scale.
    """

    normalize_queue_over_samples: bool = False
    step_cosine_per_batch: bool = False
    keep_false_negatives: bool = False
    resample_twice: bool = False
    monitor_raw_loss: bool = False


class ClusteringTermParameters(Parameters):
    """A clustering loss on the queries of each batch beside the contrastive one (table 1g).

    The first share ``clustering_start`` of the epochs is without it. After that, the clean images'
    representations are clustered anew before every epoch, by k-means of ``n_init`` starts or
    spectral clustering with as many.
    """

    weight: Positive
    clustering_start: Fraction = 0
    assign: Literal["kmeans", "spectral"] = "kmeans"
    n_neighbors: Count | None = None
    n_init: Count = 5
    surrogate: SurrogateParameters = SurrogateParameters()

    @model_validator(mode="after")
    def _neighbors_of_spectral_only(self):
        if self.n_neighbors is not None and self.assign != "spectral":
            raise ValueError(
                "n_neighbors belongs to assign: spectral; leave it out with assign: kmeans"
            )
        return self


class MocoParameters(SplitBatchesParameters):
    """The whole recipe of one contrastive pretraining.

    ``bn_splits``: keys are split in another order than queries, so that a query cannot be told by its
    batch (He et al. 2020, section 3.3). ``clustering`` makes it the joint training. Early stopping
    monitors the loss at the temperature of the last epoch.
    """

    seed: Seed
    epochs: Count
    drop_last: bool = True
    encoder: EncoderParameters
    preprocessing: PreprocessingParameters = PreprocessingParameters()
    views: ViewParameters
    contrast: ContrastParameters
    optimizer: OptimizerParameters
    clustering: ClusteringTermParameters | None = None
    quirks: QuirkParameters | None = None
    early_stopping: EarlyStoppingParameters | None = None
    checkpoints: CheckpointParameters = CheckpointParameters()

    @model_validator(mode="after")
    def _processes_share_every_batch(self):
        n = self.compute.all_processes
        if n > 1 and not self.drop_last:
            raise ValueError(f"{n} processes need batches of equal size; set drop_last to true")
        return self

    @property
    def is_divisible(self) -> bool:
        """Whether several processes can share a batch: not where its keys have gradients or its images
        are clustered together.
        """
        return self.clustering is None and self.contrast.mechanism == "momentum_queue"
