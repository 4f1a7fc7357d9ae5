"""What should not shape the clusters: copies of images, and images unlike all others.

Distances are between directions of embeddings (0 to 2). What is a small or a large one follows from
the distances of all images by their median and median absolute deviation, which a minority of copies
or outliers does not move (Iglewicz and Hoaglin 1993, "How to detect and handle outliers").
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import median_abs_deviation

from fashion_mocluster.clustering.assignment import assign_by_neighbors
from fashion_mocluster.clustering.clusterers import cluster
from fashion_mocluster.clustering.neighbors import nearest_in_rows, take_rows, unit
from fashion_mocluster.clustering.parameters import ClustererParameters
from fashion_mocluster.clustering.samples import MANY, sample

# How many neighbors tell how far an image is from others, and vote on the cluster of an outlier.
NEIGHBORS = 10
# How far from the median such distances are: in median absolute deviations, scaled to be standard
# deviations of a normal distribution.
NEAR_COPY, OUTLIER = 3.5, 3.0
# Of fewer distances than this the deviation is often tiny by chance; there near copies are at most half
# as far from each other as is usual.
FEW_DISTANCES, NEAR_AMONG_FEW = 10, 0.5
# By how much a distance has to be below the threshold, as a share of it: more than rounding adds, for
# where all distances are equal the threshold is equal to them.
ROUNDING = 1e-6


def exact_copies(images: np.ndarray) -> np.ndarray:
    """The first image with the same pixels as each image, int64 (N,); its own index where there is
    none before it.

    Args:
        images: uint8 (N, ...).
    """
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(image.tobytes()).digest() for image in images)
    return np.array([first.setdefault(digest, i) for i, digest in enumerate(digests)])


@dataclass(frozen=True, eq=False)
class Screened:
    """What was found out about the images before they are clustered.

    Attributes:
        representative: int64 (N,), the image that each is a copy of, or its own index.
        outlier: bool (N,), images that are unlike all others.
    """

    representative: np.ndarray
    outlier: np.ndarray

    @classmethod
    def from_table(cls, table: pd.DataFrame | None, count: int) -> "Screened":
        """From a table with these columns; without one none of ``count`` images is set aside."""
        if table is None:
            return cls(np.arange(count), np.zeros(count, bool))
        return cls(table["representative"].to_numpy(), table["outlier"].to_numpy())

    def rows_to_cluster(self, with_outliers: bool = False) -> np.ndarray:
        """The images that are no copies and, unless ``with_outliers``, no outliers, ascending."""
        itself = self.representative == np.arange(len(self.representative))
        return np.flatnonzero(itself & (with_outliers | ~self.outlier))


def screen(x: np.ndarray, exact: np.ndarray) -> tuple[Screened, np.ndarray]:
    """Copies and outliers, and how far each image is from its neighbors.

    Two images are near copies where their distance is far below that of other nearest neighbors, see
    :func:`small_distance`; so are those joined by a chain of near copies. An outlier is an image
    that has no copies and whose ``NEIGHBORS``-th nearest is far above that of other images, see
    :func:`large_distance`.

    Args:
        x: float (N, D), embeddings. Lengths do not count.
        exact: int (N,), as :func:`exact_copies` finds them; not all images are copies of one.

    Returns:
        Copies and outliers, and the distance to the ``NEIGHBORS``-th nearest image that is no exact
        copy, float32 (N,).
    """
    # Each image once: a hundred copies would make their distances the usual ones.
    rows, of_each = np.unique(exact, return_inverse=True)
    indices, distances = nearest_in_rows(unit(x), rows, min(NEIGHBORS, len(rows) - 1))
    one, place = np.nonzero(distances < small_distance(distances[:, 0]))
    links = coo_array((np.ones(len(one)), (one, indices[one, place])), shape=(len(rows),) * 2)
    _, group = connected_components(links, directed=False)
    _, first = np.unique(group, return_index=True)
    representative = rows[first[group]][of_each]
    reach = distances[:, -1]
    has_copies = np.bincount(representative, minlength=len(x))[representative] > 1
    outlier = (reach > large_distance(reach))[of_each] & ~has_copies
    return Screened(representative, outlier), reach[of_each]


def small_distance(nearest: np.ndarray) -> float:
    """The distance below which two images are near copies: so far below the median that hardly any
    two others are, on a logarithmic scale, because what counts is by which factor they are closer.

    Args:
        nearest: float (N,), from each image to its nearest. Most of them are no copies.
    """
    logs = np.log(nearest[nearest > 0], dtype=np.float64)
    if len(logs) == 0:
        return 0.0
    below = NEAR_COPY * median_abs_deviation(logs, scale="normal")
    if len(logs) < FEW_DISTANCES:
        below = max(below, -np.log(NEAR_AMONG_FEW))
    return float((1 - ROUNDING) * np.exp(np.median(logs) - below))


def large_distance(distances: np.ndarray) -> float:
    """The distance above which an image is unlike images whose distances are these.

    Args:
        distances: float (N,), from each image to its nearest or to a later neighbor.
    """
    spread = median_abs_deviation(distances, scale="normal")
    return float(np.median(distances) + OUTLIER * spread)


def duplicates_table(exact: np.ndarray, representative: np.ndarray) -> pd.DataFrame:
    """Images that are copies of each other: ``index``, ``group`` (0, 1, ...) and ``kind``, which is
    ``exact`` where another image of the group has the same pixels, else ``near``.
    """
    index = np.arange(len(exact))
    table = pd.DataFrame({"index": index, "group": representative, "exact": exact})
    table = table[table["group"].duplicated(keep=False)].sort_values(["group", "index"])
    kinds = np.where(table["exact"].duplicated(keep=False), "exact", "near")
    groups = pd.factorize(table["group"])[0]
    return pd.DataFrame({"index": table["index"].to_numpy(), "group": groups, "kind": kinds})


def cluster_screened(
    x: np.ndarray,
    screened: Screened,
    parameters: ClustererParameters,
    n_clusters: int,
    seed: int,
    init_labels: np.ndarray | None = None,
) -> np.ndarray:
    """Labels int64 (N,) as :func:`cluster` gives them, of a clustering that sees each image once and
    no outliers.

    Copies get the cluster of the image that they are copies of, outliers the most frequent one among
    their nearest neighbors. A clusterer that may leave points unsorted sees the outliers too. Of more
    images than it can take in, a clusterer sees a random sample, and the others are treated as
    outliers are.

    Args:
        x: float (N, D).
    """
    rows = screened.rows_to_cluster(with_outliers=parameters.finds_n_clusters)
    if parameters.most_points is not None:
        rows = sample(rows, parameters.most_points, seed, parameters.kind)
    labels = np.full(len(x), -1)
    labels[rows] = cluster(
        take_rows(x, rows),
        parameters,
        min(n_clusters, len(rows)),
        seed,
        None if init_labels is None else init_labels[rows],
    )
    others = np.setdiff1d(screened.representative, rows)
    if len(others):
        voters = sample(rows, MANY, seed, "the vote of neighbors")
        voted = assign_by_neighbors(x[voters], labels[voters], x[others], NEIGHBORS)
        labels[others] = voted.clusters
    return labels[screened.representative]
