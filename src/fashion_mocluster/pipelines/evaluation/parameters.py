"""Parameters of the comparison."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fashion_mocluster.clustering.parameters import MethodParameters
from fashion_mocluster.datasets.cluster_folders import ExportMode
from fashion_mocluster.datasets.image_source import Format, Split
from fashion_mocluster.datasets.picture_options import Pixels
from fashion_mocluster.learning.parameters import EmbeddingParameters, Range
from fashion_mocluster.parameter_types import ClusteringSeed, Count, Fraction, Name, Parameters


class ModelSelectionParameters(Parameters):
    """How the best method is chosen without labels, on one neighbor graph that is the same for all."""

    representation: Name
    n_neighbors: Count


class ScreeningParameters(Parameters):
    """How copies and outliers, which are always listed, take part in the clustering."""

    collapse_duplicates: bool = False
    set_aside_outliers: bool = False

    @property
    def sets_aside(self) -> bool:
        """Whether any image may take no part in the clustering."""
        return self.collapse_duplicates or self.set_aside_outliers


class ClusterCounts(Range):
    """The numbers of clusters that ``n_clusters: auto`` tries, from ``low`` to ``high``."""

    low: Annotated[int, Field(ge=2)]
    high: Annotated[int, Field(ge=2)]


class EvaluationParameters(Parameters):
    """Methods by name, and what they share."""

    seed: ClusteringSeed
    pca_components: Count
    external_embeddings: str | None = None
    external_weights: str | None = None
    external_weights_embedding: EmbeddingParameters = EmbeddingParameters(
        preprocessing={"contrast_stretch": True, "normalize": "subtract_raw_mean"}
    )
    projection: Literal["pca", "umap", "tsne"] = "pca"
    screening: ScreeningParameters = ScreeningParameters()
    n_clusters_tried: ClusterCounts = ClusterCounts(low=2, high=30)
    export: ExportMode = "none"
    model_selection: ModelSelectionParameters
    run_methods: Annotated[list[Name], Field(min_length=1)]
    show_thesis_scores: bool = True
    methods: Annotated[dict[Name, MethodParameters], Field(min_length=1)]


class PredictParameters(Parameters):
    """Images that no training and no clustering sees, and the method whose clusters they are sorted into.

    The catalog reads ``path`` and what follows it down to ``labels``, and ``external_embeddings``, from
    here.
    """

    path: str | None = None
    format: Format = "auto"
    split: Split = "test"
    image_shape: tuple[Pixels, Pixels] | None = None
    limit: Count | None = None
    labels: Literal["folders"] | None = None
    method: Name
    n_neighbors: Count | None = None
    external_embeddings: str | None = None


class PublishedResult(Parameters):
    """A published clustering of the same images: its scores and where they were read."""

    title: str
    images: str
    acc: Fraction | None = None
    nmi: Fraction | None = None
    ari: Annotated[float, Field(ge=-1, le=1)] | None = None
    source: str


class ReportParameters(Parameters):
    """What the page of all runs is made of, beside them."""

    title: str
    compare_with: dict[str, str]
    thesis_costs: dict[Literal["training", "inference"], dict[str, dict[str, float]]] | None = None
    literature: list[PublishedResult]

    @model_validator(mode="after")
    def _titles_differ(self):
        if self.title in self.compare_with:
            raise ValueError(
                f"compare_with has an entry {self.title!r}, which is the title of this environment's "
                "own runs; rename one of them"
            )
        return self
