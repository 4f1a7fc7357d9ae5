"""Parameters of what turns images into a table."""

from typing import Annotated, Literal

from pydantic import Field

from fashion_mocluster.learning.parameters.images import PreprocessingParameters, ViewParameters
from fashion_mocluster.learning.parameters.training import (
    ComputeParameters,
    ManyProcessesParameters,
)
from fashion_mocluster.parameter_types import Count, Parameters, Seed


class EmbeddingParameters(Parameters):
    """How a trained encoder is applied."""

    flip_tta: bool = False
    batch_size: Count = 500
    preprocessing: PreprocessingParameters | None = None
    compute: ComputeParameters = ComputeParameters()


class WhiteningParameters(Parameters):
    """A readout of feature maps, whitened by how they scatter among views of one image.

    With ``shrinkage: null`` the principal components of the map remain, and no views are drawn.
    """

    stage: Count
    max_grid_size: Count
    pca_components: Count
    n_components: Count
    shrinkage: Annotated[float, Field(gt=0)] | None
    n_fit_images: Annotated[int, Field(ge=2)]
    views: ViewParameters
    seed: Seed


class HogParameters(Parameters):
    """Histograms of oriented gradients, without the sign of directions: the representation ``hog``."""

    orientations: Annotated[int, Field(ge=2)] = 9
    cell_size: Count = 4
    image_size: Annotated[int, Field(ge=4)] | None = None


class PatchParameters(Parameters):
    """Likeness to typical patches: the representation ``patches``."""

    size: Annotated[int, Field(ge=2)] = 6
    stride: Count = 1
    n_centers: Annotated[int, Field(ge=2)] = 256
    image_size: Annotated[int, Field(ge=4)] | None = None
    seed: Seed


class BackboneParameters(Parameters):
    """Features of a pretrained network: the representation ``backbone``.

    ``weights: package`` takes those of an installed package, which exist for the networks in
    ``learning.backbone.PACKAGES``. ``pooling``: ``network`` takes the features that the network makes for
    its classifier, most often a mean over the places of its last feature map; ``gem`` takes the
    generalized mean of power 3 (Radenovic et al. 2018, "Fine-tuning CNN image retrieval with no human
    annotation"), in which places that respond strongly count more than empty ground.
    """

    name: str
    weights: str = "package"
    image_size: Annotated[int, Field(ge=32)] | None = None
    pooling: Literal["network", "gem"] = "network"
    flip_tta: bool = True
    batch_size: Count = 16
    compute: ManyProcessesParameters = ManyProcessesParameters()
