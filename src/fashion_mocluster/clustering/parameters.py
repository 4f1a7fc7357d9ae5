"""Parameters of the clustering methods, checked before anything runs."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from fashion_mocluster.clustering.samples import FEW, MANY
from fashion_mocluster.parameter_types import Count, Name, Parameters


class UmapParameters(Parameters):
    """UMAP (McInnes et al. 2018) before clustering, with ``min_dist`` 0.

    With ``center`` directions are measured from the mean direction (Mu and Viswanath 2018,
    "All-but-the-top"): all features of a network are positive, so all its directions are much alike.
    Of ``n_runs`` runs, each clustered, the clusters that agree most with those of the others are taken.
    """

    n_neighbors: Annotated[int, Field(ge=2)] = 15
    n_components: Count = 10
    n_epochs: Count = 200
    n_runs: Count = 1
    metric: Literal["cosine", "euclidean"] = "cosine"
    center: bool = False

    @model_validator(mode="after")
    def _directions_only(self):
        if self.center and self.metric != "cosine":
            raise ValueError("center belongs to metric: cosine; leave it out with euclidean")
        return self


class _AnyClusterer(Parameters):
    """What every clusterer takes.

    ``standardize`` brings every dimension to mean 0 and variance 1 first; ``umap`` then reduces the
    dimensions. The clusters are scored before ``umap``.

    Attributes:
        assumes_equal_sizes: Whether clusters come out about equally large, whatever the data.
        finds_n_clusters: Whether it finds how many clusters there are, and may leave points unsorted
            as cluster -1; else ``n_clusters`` is how many.
        most_points_alone: How many points it can take in without UMAP; None: any number, for its cost
            grows no faster than they do.
        most_points: The same with UMAP, if it is used.
    """

    assumes_equal_sizes: ClassVar[bool] = False
    finds_n_clusters: ClassVar[bool] = False
    most_points_alone: ClassVar[int | None] = MANY

    standardize: bool = False
    umap: UmapParameters | None = None

    @property
    def most_points(self) -> int | None:
        return self.most_points_alone if self.umap is None else FEW


class KMeansParameters(_AnyClusterer):
    """k-means (Lloyd 1982; Arthur and Vassilvitskii 2007), the best of ``n_init`` starts."""

    most_points_alone: ClassVar[int | None] = None

    kind: Literal["kmeans"] = "kmeans"
    n_init: Count = 10


class SpectralParameters(_AnyClusterer):
    """Spectral clustering (Shi and Malik 2000) of a graph of ``n_neighbors``, each point itself
    included. ``n_init`` counts the starts of the k-means on the eigenvectors.
    """

    kind: Literal["spectral"] = "spectral"
    n_neighbors: Annotated[int, Field(ge=2)] = 10
    n_init: Count = 10


class GaussianMixtureParameters(_AnyClusterer):
    """A mixture of Gaussians with full covariances, the best of ``n_init`` starts."""

    kind: Literal["gaussian_mixture"] = "gaussian_mixture"
    n_init: Count = 10


class WardParameters(_AnyClusterer):
    """Ward's hierarchical clustering (Ward 1963): clusters are merged where that adds least to their
    scatter. It has no random starts.
    """

    most_points_alone: ClassVar[int | None] = FEW

    kind: Literal["ward"] = "ward"


class TurtleParameters(_AnyClusterer):
    """TURTLE (Gadetsky et al. 2024), which assumes clusters of equal size.

    A point is first averaged ``n_hops`` times with its ``n_neighbors``. Of ``n_init`` starts the
    one whose clusters neighbors share most is used. With ``init: pixel_clusters`` the starts begin
    at the clusters of the pixels, with the name of another method at the clusters that it finds; and
    the one that agrees most with those is used.
    """

    assumes_equal_sizes: ClassVar[bool] = True

    kind: Literal["turtle"] = "turtle"
    n_neighbors: Annotated[int, Field(ge=2)] = 15
    n_init: Count = 8
    n_hops: Annotated[int, Field(ge=0)] = 2
    init: str = "random"


class HdbscanParameters(_AnyClusterer):
    """HDBSCAN (Campello et al. 2013): dense regions, as many as there are, of any size and shape.

    A region of fewer than ``min_cluster_size`` points is no cluster; None: two percent of the
    points, at least 5. ``min_samples`` is the number of points, itself included, whose distance
    says how dense it is at a point. What lies in no dense region stays unsorted. A region with more
    than ``max_cluster_share`` of the points is divided where it has denser parts: else one group that
    lies far from all others, as shoes do from clothes, is one cluster and all others are the second.
    """

    finds_n_clusters: ClassVar[bool] = True
    most_points_alone: ClassVar[int | None] = FEW

    kind: Literal["hdbscan"] = "hdbscan"
    min_cluster_size: Annotated[int, Field(ge=2)] | None = None
    min_samples: Count = 5
    max_cluster_share: Annotated[float, Field(gt=0, le=1)] = 0.6


ClustererParameters = Annotated[
    KMeansParameters
    | SpectralParameters
    | GaussianMixtureParameters
    | WardParameters
    | TurtleParameters
    | HdbscanParameters,
    Field(discriminator="kind"),
]


class ThesisScores(Parameters):
    """Scores that the thesis published; ``chi`` is log1p(CHI) / 10, as the thesis prints it."""

    source: str
    nmi: float | None = None
    ari: float | None = None
    acc: float | None = None
    silhouette: float | None = None
    dbi: float | None = None
    chi: float | None = None


class MethodParameters(Parameters):
    """One method of the comparison: a representation and what clusters it; and, if the thesis
    published the method, its scores.
    """

    title: str
    representation: Name
    clusterer: ClustererParameters
    thesis_scores: ThesisScores | None = None


def starts_from_method(clusterer: ClustererParameters) -> str | None:
    """The method at whose clusters a clusterer begins; None where there is none."""
    init = getattr(clusterer, "init", "random")
    return None if init in ("random", "pixel_clusters") else init


def starts_from_pixel_clusters(recipe: Any) -> bool:
    """Whether a clusterer or a self-labeling begins at the clusters of the pixels."""
    return getattr(recipe, "init", None) == "pixel_clusters"
