"""Parameters of clustering methods, checked before anything runs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]


class Parameters(BaseModel):
    """Base of all parameter groups: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ManifoldParameters(Parameters):
    """UMAP (McInnes et al. 2018) before clustering."""

    n_neighbors: Annotated[int, Field(ge=2)] = 15
    n_components: Count = 10
    n_epochs: Count = 200
    metric: Literal["cosine", "euclidean"] = "cosine"


class ClustererParameters(Parameters):
    """How a table of embeddings becomes clusters.

    ``standardize`` brings every dimension to mean 0 and variance 1 first. ``n_init`` counts the
    starts of k-means, also of the one inside spectral clustering; ``n_neighbors`` is that of the
    spectral graph. ``balanced_kmeans`` and ``turtle`` assume clusters of equal size.

    ``turtle`` first averages a point ``n_hops`` times with its ``n_neighbors``. Of its starts it keeps
    that with the most neighbor information. With ``init: pixel_clusters`` they begin at the clusters of the
    pixels, and it keeps that which agrees most with these.
    """

    kind: Literal["kmeans", "balanced_kmeans", "spectral", "gaussian_mixture", "turtle"]
    standardize: bool = False
    manifold: ManifoldParameters | None = None
    n_init: Count = 10
    n_neighbors: Annotated[int, Field(ge=2)] = 10
    n_hops: Annotated[int, Field(ge=0)] = 2
    init: Literal["random", "pixel_clusters"] = "random"

    @model_validator(mode="after")
    def _init_of_turtle(self):
        if self.init != "random" and self.kind != "turtle":
            raise ValueError(
                f"init is a parameter of turtle alone, not of {self.kind}; leave it out"
            )
        return self


class ThesisScores(Parameters):
    """A published row to set beside ours; ``chi`` is log1p(CHI) / 10, as the thesis prints it."""

    source: str
    nmi: float | None = None
    ari: float | None = None
    acc: float | None = None
    silhouette: float | None = None
    dbi: float | None = None
    chi: float | None = None


class MethodParameters(Parameters):
    """One row of the comparison: a representation, a clusterer and, if any, its published row."""

    title: str
    representation: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    clusterer: ClustererParameters
    thesis_scores: ThesisScores | None = None


def starts_from_pixel_clusters(recipe: Any) -> bool:
    """Whether a clusterer or a self-labeling begins at the clusters of the pixels."""
    return getattr(recipe, "init", None) == "pixel_clusters"
