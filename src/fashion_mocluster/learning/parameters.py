"""Parameters of everything that is trained, checked before anything runs.

The models are frozen and refuse unknown keys, so a misspelled override stops a run
at once. This module imports no torch: pipelines import it to describe themselves.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class Parameters(BaseModel):
    """Base of all parameter groups: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(Parameters):
    """A closed interval from which a value is drawn uniformly for each image."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self):
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high})")
        return self


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
                f"blocks ({len(self.blocks)} stages) and widths ({len(self.widths)} stages) "
                "must name the same number of stages"
            )
        if (self.projection_hidden is None) != (self.projection_dim is None):
            raise ValueError(
                "projection_hidden and projection_dim are given together or not at all"
            )
        return self


class PreprocessingParameters(Parameters):
    """How uint8 pixels become network input.

    ``contrast_stretch`` maps each image's own minimum and maximum to 0 and 255 first. ``normalize``:
    ``standardize`` subtracts the mean and divides by the standard deviation of the data set,
    ``unit`` leaves values in [0, 1], ``subtract_raw_mean`` subtracts the mean on the 0-255 scale
    from values in [0, 1], as the published finetuning script does. Images of which a side has more
    than ``image_size`` pixels are averaged down to that, their proportions kept; null: none are.
    """

    image_size: Annotated[int, Field(ge=4)] | None = None
    contrast_stretch: bool = False
    normalize: Literal["standardize", "unit", "subtract_raw_mean"] = "standardize"


class ViewParameters(Parameters):
    """The random views of one image; every image of a batch draws its own values.

    ``hue`` is turned by at most this fraction of the color circle, either way. ``saturation``, ``hue``
    and ``gray_probability`` change color images only.
    """

    crop_scale: Range = Range(low=1, high=1)
    aspect_ratio: Range = Range(low=1, high=1)
    rotation_degrees: NonNegative = 0
    translate: Fraction = 0
    flip_probability: Fraction = 0
    brightness: Range = Range(low=1, high=1)
    gamma: Range = Range(low=1, high=1)
    contrast: Range = Range(low=1, high=1)
    saturation: Range = Range(low=1, high=1)
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0
    gray_probability: Fraction = 0
    blur_kernel: Annotated[int, Field(ge=1)] = 1
    blur_sigma: Range = Range(low=0.1, high=2.0)
    noise_std: NonNegative = 0
    key_view: Literal["independent", "sobel"] = "independent"

    @model_validator(mode="after")
    def _possible(self):
        if not self.crop_scale.low > 0:
            raise ValueError("crop_scale must be positive")
        if self.blur_kernel % 2 == 0:
            raise ValueError(f"blur_kernel must be odd, got {self.blur_kernel}")
        for name in ("aspect_ratio", "gamma", "blur_sigma"):
            if getattr(self, name).low <= 0:
                raise ValueError(f"{name} must be positive")
        return self


class MomentumQueueParameters(Parameters):
    """Momentum contrast: a queue of keys and a key encoder that follows slowly (He et al. 2020).

    ``positive`` says what a query is drawn to: the key of its image's other view
    (``augmented_view``), or the key in the queue most like that one (``nearest_neighbor``,
    Dwibedi et al. 2021).
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


class OptimizerParameters(Parameters):
    """SGD with momentum (not Nesterov's), linear warm-up and a learning-rate schedule."""

    learning_rate: Positive
    momentum: Fraction = 0.9
    weight_decay: NonNegative = 1e-4
    warmup_epochs: NonNegative = 0
    schedule: Literal["constant", "cosine"] = "constant"
    final_learning_rate: NonNegative = 0


class EarlyStoppingParameters(Parameters):
    """Stop after ``patience`` epochs whose monitored value improves by less than ``min_delta``."""

    patience: Count
    min_delta: NonNegative = 0


class CheckpointParameters(Parameters):
    """Every ``every_n_epochs`` a checkpoint is kept, the newest ``keep`` of them.

    ``on_mismatch`` says what happens to a checkpoint made with other parameters or images:
    ``refuse`` stops and names what differs, ``restart`` trains anew.
    """

    every_n_epochs: Count = 20
    keep: Count = 3
    on_mismatch: Literal["refuse", "restart"] = "refuse"


class ComputeParameters(Parameters):
    """Where, how precisely and with how many threads to compute.

    ``auto`` takes for ``device`` CUDA, then MPS, then the CPU; for ``precision`` bfloat16 where the
    processor computes with it; for ``threads`` whichever of one and all is faster at present. Runs
    with another device, precision or number of threads may differ in their last digits.
    """

    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Literal["auto"] | Count = "auto"


class SurrogateParameters(Parameters):
    """Weights of the three indices in the clustering loss (the thesis's lambda 1, 2, 3).

    ``davies_bouldin_form``: ``index`` lowers DB; ``reciprocal`` raises the score 1/DB that the
    published scripts call the DB loss.
    """

    silhouette_weight: NonNegative = 1
    davies_bouldin_weight: NonNegative = 0
    calinski_harabasz_weight: NonNegative = 0
    davies_bouldin_form: Literal["index", "reciprocal"] = "index"
    chunk: Count = 250


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


class MocoParameters(Parameters):
    """The whole recipe of one contrastive pretraining.

    ``bn_splits`` splits a batch into that many parts for BatchNorm, keys in another order than
    queries, so that a query cannot be told by its batch (He et al. 2020, section 3.3).
    ``clustering`` makes it the joint training. Early stopping monitors the loss at the temperature
    of the last epoch. ``quirks`` are those of the thesis's scripts.
    """

    seed: Seed
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    bn_splits: Count = 1
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
    compute: ComputeParameters = ComputeParameters()

    @model_validator(mode="after")
    def _divisible(self):
        if self.batch_size % self.bn_splits or self.batch_size == self.bn_splits:
            raise ValueError(
                f"bn_splits ({self.bn_splits}) must divide batch_size "
                f"({self.batch_size}) into parts of two images or more"
            )
        return self


class CentersParameters(Parameters):
    """Cluster centers that are trained with the encoder (table 1j of the thesis).

    ``balance_weight`` guards against collapse: it weighs the entropy of the mean assignment, which
    falls when clusters empty. 0 leaves the guard out.
    """

    temperature: Positive = 0.1
    balance_weight: NonNegative = 1


class BaseFinetuningParameters(Parameters):
    """What all finetunings of one full-batch step per epoch have.

    ``n_init`` counts the starts of k-means. ``checkpoint_selection``: ``label_free`` keeps the epoch
    with the lowest loss; ``thesis_score`` keeps the epoch that the thesis's score likes best, of
    which 60 percent are computed from labels. ``save_weights``: of that epoch, those
    ``before_step``, which were scored, or those ``after_step``, which the published scripts save
    with the scores of the ones before.
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


class SelfLabelingParameters(Parameters):
    """The whole recipe of one self-labeling: rounds of training on the clusters that TURTLE finds.

    TURTLE averages each image with its ``n_neighbors`` nearest ones before clustering; ``init`` says
    where it starts. An image is trained on only where at least ``neighbor_agreement_threshold`` of
    these neighbors are in its cluster. ``epochs`` and ``optimizer`` are those of each round.
    ``temperature`` divides the embedding, a unit vector, before the linear head. ``features`` says
    what is clustered: the encoder's ``pooled`` output or its ``whitened_maps``.
    """

    assign: Literal["turtle"]
    features: Literal["pooled", "whitened_maps"] = "pooled"
    seed: Seed
    n_rounds: Count
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    n_neighbors: Count = 15
    n_init: Count = 8
    init: Literal["random", "pixel_clusters"] = "random"
    neighbor_agreement_threshold: Fraction
    label_smoothing: Fraction = 0
    temperature: Positive
    views: ViewParameters
    optimizer: OptimizerParameters
    checkpoints: CheckpointParameters = CheckpointParameters()
    compute: ComputeParameters = ComputeParameters()


AnyFinetuningParameters = Annotated[
    KMeansFinetuningParameters
    | SpectralFinetuningParameters
    | LearnableCentersFinetuningParameters
    | SelfLabelingParameters,
    Field(discriminator="assign"),
]


class EmbeddingParameters(Parameters):
    """How a trained encoder is applied; ``flip_tta`` averages each image and its mirror image."""

    flip_tta: bool = False
    batch_size: Count = 500
    preprocessing: PreprocessingParameters | None = None
    compute: ComputeParameters = ComputeParameters()


class WhiteningParameters(Parameters):
    """A readout of feature maps, whitened by how they scatter among views of one image.

    The map of ``stage`` is averaged to ``max_grid_size`` x ``max_grid_size`` places where it is
    larger. Its first ``pca_components`` principal components are whitened, after ``shrinkage`` times
    their mean variance is added to each, and ``n_components`` are kept. It is fitted to
    ``n_fit_images`` images at most.
    """

    stage: Count
    max_grid_size: Count
    pca_components: Count
    n_components: Count
    shrinkage: Annotated[float, Field(gt=0)]
    n_fit_images: Annotated[int, Field(ge=2)]
    views: ViewParameters
    seed: Seed


class BackboneParameters(Parameters):
    """Features of a pretrained network: the representation ``backbone``.

    ``name`` is that of a network in timm. ``weights``: ``package`` takes those of an installed
    package, which exist for the networks in ``learning.backbone.PACKAGES``; ``hub`` downloads those that
    timm knows; anything else is the path of a file that timm reads. ``image_size``: images are
    brought to so many pixels, down and across; null: as many as the network was trained with.
    ``pooling``: ``network`` takes the features that the network makes for its classifier, most often
    a mean over the places of its last feature map; ``gem`` takes the generalized mean of power 3
    (Radenovic et al. 2018, "Fine-tuning CNN image retrieval with no human annotation"), in which
    places that respond strongly count more than empty ground. ``flip_tta`` averages each image and
    its mirror image.
    """

    name: str
    weights: str = "package"
    image_size: Annotated[int, Field(ge=32)] | None = None
    pooling: Literal["network", "gem"] = "network"
    flip_tta: bool = True
    batch_size: Count = 16
    compute: ComputeParameters = ComputeParameters()
