"""Parameters of the comparison."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.learning.parameters import EmbeddingParameters
from fashion_mocluster.pipelines.data_processing.parameters import Pixels

# A method's name becomes a namespace and a file name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class ModelSelectionParameters(BaseModel):
    """How the best method is chosen without labels: by the mutual information between the clusters
    of neighboring images, on one neighbor graph that is the same for all methods.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    representation: Name
    n_neighbors: Annotated[int, Field(ge=1)]


class EvaluationParameters(BaseModel):
    """Methods by name, and what they share.

    ``run_methods`` names the methods that are run, in order; only the trainings that they need are.
    ``show_thesis_scores`` sets the scores that the thesis published beside those of its methods.
    ``projection`` makes the two dimensions of the scatter figures.
    ``external_embeddings`` names a .csv or .parquet file (``label, feature_0, ...``, the label
    optional) or a .npy file, one row per image in order; methods reach it as representation
    ``external``. ``external_weights`` names a bare state dict as the thesis's scripts save it; methods
    reach what it makes of the images, in the steps of ``external_weights_embedding``, as
    representation ``external_encoder``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    pca_components: Annotated[int, Field(ge=1)]
    external_embeddings: str | None = None
    external_weights: str | None = None
    external_weights_embedding: EmbeddingParameters = EmbeddingParameters(
        preprocessing={"contrast_stretch": True, "normalize": "subtract_raw_mean"}
    )
    projection: Literal["pca", "umap", "tsne"] = "pca"
    model_selection: ModelSelectionParameters
    run_methods: Annotated[list[Name], Field(min_length=1)]
    show_thesis_scores: bool = True
    methods: Annotated[dict[Name, MethodParameters], Field(min_length=1)]


class PredictParameters(BaseModel):
    """Images that no training and no clustering sees, and the method whose clusters they are sorted
    into, by their ``n_neighbors`` nearest images among those that were clustered.

    The catalog reads ``path``, ``format``, ``split``, ``image_shape`` and ``limit`` from here.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    format: Literal["auto", "csv", "idx", "folder", "torchvision"] = "auto"
    split: Literal["train", "test", "all"] = "test"
    image_shape: tuple[Pixels, Pixels] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    method: Name
    n_neighbors: Annotated[int, Field(ge=1)] = 15


class PublishedResult(BaseModel):
    """A published clustering of the same images: its scores and where they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    images: str
    acc: Annotated[float, Field(ge=0, le=1)] | None = None
    nmi: Annotated[float, Field(ge=0, le=1)] | None = None
    ari: Annotated[float, Field(ge=-1, le=1)] | None = None
    source: str


class ReportParameters(BaseModel):
    """What the report calls the runs of this environment, other folders by title, the costs that
    the thesis published, and what others published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    compare_with: dict[str, str] = {}
    thesis_costs: dict[Literal["training", "inference"], dict[str, dict[str, float]]] | None = None
    literature: list[PublishedResult] = []
