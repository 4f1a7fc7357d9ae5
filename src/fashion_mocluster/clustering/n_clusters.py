"""How many clusters there are, found without labels."""

import numpy as np

from fashion_mocluster.clustering.clusterers import cluster
from fashion_mocluster.clustering.neighbors import nearest_neighbors, take_rows, unit
from fashion_mocluster.clustering.parameters import KMeansParameters, UmapParameters
from fashion_mocluster.clustering.samples import FEW, sample
from fashion_mocluster.clustering.scores import modularity
from fashion_mocluster.clustering.umap_embedding import umap_embedding
from fashion_mocluster.errors import InputError

# Of the graph on which the numbers are compared: two percent of the points, but within these bounds.
# More neighbors make fewer clusters, and fewer neighbors let chance groups count as clusters.
SHARE, FEWEST, MOST = 0.02, 15, 30


def choose(x: np.ndarray, low: int, high: int, seed: int) -> tuple[int, dict[str, list]]:
    """The number of clusters at which neighbors share clusters most beyond chance.

    For each number the points are clustered by k-means in the coordinates of UMAP, and the modularity
    of the clusters (Newman and Girvan 2004) is measured on the graph of nearest neighbors. Unlike the
    silhouette it is not highest at the two or three coarsest groups. Points are compared by their
    directions from the mean, and of very many a random sample is.

    Args:
        x: float (N, D), points of which no two are copies.
        low: The least number that is tried.
        high: The largest; numbers of N and more are left out.
        seed: Of UMAP, k-means and the sample.

    Returns:
        The number, and all that were tried (``n_clusters``) with their ``modularity``.

    Raises:
        InputError: There are no more points than ``low``.
    """
    if len(x) <= low:
        raise InputError(
            f"n_clusters: auto needs more images that differ than the {low} clusters that are tried "
            f"first, and there are {len(x)}; set n_clusters to a number"
        )
    x = take_rows(x, sample(np.arange(len(x)), FEW, seed, "n_clusters: auto"))
    x = x - x.mean(0)
    n_neighbors = int(np.clip(SHARE * len(x), FEWEST, MOST))
    neighbors, _ = nearest_neighbors(unit(x), min(n_neighbors, len(x) - 1))
    coordinates = umap_embedding(x, UmapParameters(), seed)
    numbers = list(range(low, min(high, len(x) - 1) + 1))
    values = [
        modularity(neighbors, cluster(coordinates, KMeansParameters(), number, seed))
        for number in numbers
    ]
    return numbers[int(np.argmax(values))], {"n_clusters": numbers, "modularity": values}
