"""Parameters of everything that is trained, checked before anything runs.

The models are frozen and refuse unknown keys, so a misspelled override stops a run
at once. Nothing here imports torch: pipelines import it to describe themselves.
"""

from fashion_mocluster.learning.parameters.finetuning import (
    AnyFinetuningParameters,
    BaseFinetuningParameters,
    CentersParameters,
    FinetuningParameters,
    KMeansFinetuningParameters,
    LearnableCentersFinetuningParameters,
    SelfLabelingParameters,
    SpectralFinetuningParameters,
    finetuning_parameters,
)
from fashion_mocluster.learning.parameters.images import (
    UNCHANGED,
    PreprocessingParameters,
    Range,
    ViewParameters,
)
from fashion_mocluster.learning.parameters.pretraining import (
    ClusteringTermParameters,
    ContrastParameters,
    EncoderParameters,
    EndToEndParameters,
    MocoParameters,
    MomentumQueueParameters,
    QuirkParameters,
)
from fashion_mocluster.learning.parameters.representations import (
    BackboneParameters,
    EmbeddingParameters,
    HogParameters,
    PatchParameters,
    WhiteningParameters,
)
from fashion_mocluster.learning.parameters.training import (
    CheckpointParameters,
    ComputeParameters,
    EarlyStoppingParameters,
    OptimizerParameters,
    SurrogateParameters,
)
