"""Scores of a clustering: with labels (ACC, NMI, ARI) and without (silhouette, DBI, CHI)."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.special import xlogy
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.blas import blas_threads
from fashion_mocluster.clustering.neighbors import pairs_take_long
from fashion_mocluster.wording import counted

# The silhouette is the mean over so many points where all pairs would take long.
SILHOUETTE_SAMPLE = 4000
# Distances that a thread holds at once, 4 bytes each.
COMPARED_AT_ONCE = 2**24
# Points that are copied at once: of many points, copies of all would be most of the memory.
BLOCK = 1024


class SampleMean(NamedTuple):
    """A mean, and its standard error where it is that of a sample, else 0."""

    value: float
    standard_error: float


def silhouette(x: np.ndarray, labels: np.ndarray, block: int = 384) -> SampleMean:
    """Mean silhouette (Rousseeuw 1987), Euclidean, in O(block * N) memory.

    scikit-learn's takes several times as long. Where :func:`pairs_take_long`, it is the mean over a
    random sample, each point of which is compared with all points.

    Args:
        x: float (N, D).
        labels: int (N,), 2 to N - 1 distinct values.
        block: How many points a thread compares with others at a time, fewer where these are very
            many. The result is the same for any number of threads.

    Raises:
        ValueError: Fewer than 2 or as many as N clusters.
    """
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    count = len(x)
    if not 2 <= len(sizes) < count:
        raise ValueError(
            f"need 2 to {count - 1} clusters of {counted(count, 'point')}, got {len(sizes)}"
        )
    # Sorted by cluster, the sums of a row over each cluster are sums over adjacent columns.
    order = np.argsort(labels, kind="stable")
    labels = labels[order]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    points = np.ones((count, x.shape[1] + 2), np.float32)
    center = x.mean(0)
    for block_rows in gen_batches(count, BLOCK):
        points[block_rows, :-2] = x[order[block_rows]] - center
    points[:, -1] = np.einsum("ij,ij->i", points[:, :-2], points[:, :-2])
    rows, is_sample = np.arange(count), pairs_take_long(count, *x.shape)
    if is_sample:
        rows = np.sort(np.random.default_rng(0).permutation(count)[:SILHOUETTE_SAMPLE])
    # A distance counts for both of its points. With very many clusters that would take much memory and
    # save nothing.
    halved = not is_sample and len(sizes) <= block
    sums = np.zeros((count if halved else 0, len(sizes)))
    block = max(1, min(block, COMPARED_AT_ONCE // count))
    blocks = np.split(rows, range(block, len(rows), block))
    values = []

    def distances(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _sums_of_distances(points, labels, starts, rows, halved)

    with ThreadPoolExecutor(blas_threads()) as pool, threadpool_limits(1):
        for rows_here, (here, after) in zip(blocks, pool.map(distances, blocks), strict=True):
            own = labels[rows_here]
            if halved:
                here += sums[rows_here]
                sums[rows_here[-1] + 1 :, own[0] : own[-1] + 1] += after
            values.append(_silhouettes(here, own, sizes))
    values, left_out = np.concatenate(values), 1 - len(rows) / count
    return SampleMean(float(values.mean()), float(values.std() * (left_out / len(rows)) ** 0.5))


def _sums_of_distances(
    points: np.ndarray, labels: np.ndarray, starts: np.ndarray, rows: np.ndarray, halved: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Sums of the distances of M points to each cluster, float64 (M, K). If ``halved``, the M are
    adjacent and these sums leave out the points before them; then also, for each of the L points after
    them, the sums of its distances to the M by their clusters, float32 (L, clusters of the M).

    Args:
        points: float32 (N, D + 2), centered, sorted by cluster; after each 1 and its squared length.
        labels: int (N,), 0, 1, ...
        starts: int (K,), where each cluster begins.
        rows: int (M,), ascending.
    """
    begin = rows[0] if halved else 0
    # (-2x, x², 1) times (y, 1, y²) is the square of a distance.
    left = np.hstack([-2 * points[rows, :-2], points[rows, :-3:-1]])
    distance = left @ points[begin:].T
    np.maximum(distance, 0, out=distance)
    np.sqrt(distance, out=distance)
    # The product leaves rounding where the distance to itself is exactly 0.
    distance[np.arange(len(rows)), rows - begin] = 0
    first, last = labels[[begin, rows[-1]]]
    starts = np.maximum(starts - begin, 0)
    sums = np.zeros((len(rows), len(starts)))
    sums[:, first:] = np.add.reduceat(distance, starts[first:], axis=1)
    if not halved:
        return sums, None
    return sums, np.add.reduceat(distance[:, len(rows) :], starts[first : last + 1], axis=0).T


def _silhouettes(sums: np.ndarray, own: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Silhouettes float64 (M,) of points.

    Args:
        sums: float64 (M, K), of a point's distances to each cluster.
        own: int (M,), the cluster of each.
        sizes: int (K,), of each cluster.
    """
    here = np.arange(len(own))
    within = sums[here, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[here, own] = np.inf
    between = means.min(1)
    largest = np.maximum(within, between)
    values = np.divide(between - within, largest, out=np.zeros_like(within), where=largest > 0)
    return np.where(sizes[own] > 1, values, 0)


def calinski_harabasz(x: np.ndarray, labels: np.ndarray) -> float:
    """The score of Caliński and Harabasz (1974) in O(N + block * D) memory, 1 where the points of each
    cluster are equal. It is that of scikit-learn, which copies all points in float64.

    Args:
        x: float (N, D).
        labels: int (N,), 2 to N - 1 distinct values.
    """
    _, labels, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    count, n_clusters = len(x), len(sizes)
    blocks = list(gen_batches(count, BLOCK))
    sums = np.zeros((n_clusters, x.shape[1]))
    for rows in blocks:
        here = labels[rows]
        members = csr_array(
            (np.ones(len(here)), (here, np.arange(len(here)))), shape=(n_clusters, len(here))
        )
        sums += members @ x[rows]
    centers = sums / sizes[:, None]
    between = float(sizes @ np.square(centers - sums.sum(0) / count).sum(1))
    within = sum(float(np.square(x[rows] - centers[labels[rows]]).sum()) for rows in blocks)
    return between * (count - n_clusters) / (within * (n_clusters - 1)) if within else 1.0


def label_free_scores(x: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """silhouette, dbi, chi and log1p(chi) / 10 of a clustering; NaN for a single cluster. And
    ``silhouette_se``, its standard error, where it is that of a sample.

    Args:
        x: float (N, D).
        labels: int (N,). Points that are unsorted, -1, are left out, for they are no cluster.
    """
    if (labels < 0).any():
        x, labels = x[labels >= 0], labels[labels >= 0]
    if not 2 <= len(np.unique(labels)) < len(x):
        return dict.fromkeys(("silhouette", "dbi", "chi", "chi_normalized"), math.nan)
    chi = calinski_harabasz(x, labels)
    mean = silhouette(x, labels)
    return {
        "silhouette": mean.value,
        **({"silhouette_se": mean.standard_error} if mean.standard_error else {}),
        "dbi": float(davies_bouldin_score(x, labels)),
        "chi": chi,
        "chi_normalized": math.log1p(chi) / 10,
    }


def label_scores(truth: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """acc, nmi and ari of a clustering against true classes, int (N,) both.

    Unsorted points, -1, count as one more cluster, as is usual: who leaves out much gains nothing.
    """
    return {
        "acc": clustering_accuracy(truth, labels),
        "nmi": float(normalized_mutual_info_score(truth, labels)),
        "ari": float(adjusted_rand_score(truth, labels)),
    }


def clustering_accuracy(truth: np.ndarray, labels: np.ndarray) -> float:
    """Share of images in the class matched to their cluster, one to one (Kuhn 1955)."""
    table = contingency_matrix(truth, labels)
    classes, clusters = linear_sum_assignment(table, maximize=True)
    return float(table[classes, clusters].sum() / len(truth))


def matched_classes(truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The class that is matched to each point's cluster, (N,). Where clusters outnumber classes, an
    unmatched cluster gets the most frequent class in it.
    """
    classes, truth = np.unique(truth, return_inverse=True)
    _, labels = np.unique(labels, return_inverse=True)
    table = contingency_matrix(truth, labels)
    matched = table.argmax(0)
    rows, columns = linear_sum_assignment(table, maximize=True)
    matched[columns] = rows
    return classes[matched][labels]


def match_clusters(table: np.ndarray) -> np.ndarray:
    """Order of the columns (clusters) that puts each cluster in the column of its matched class;
    unmatched clusters come last.

    Args:
        table: Counts (classes, clusters), a contingency table.
    """
    classes, clusters = linear_sum_assignment(table, maximize=True)
    matched = clusters[np.argsort(classes)]
    rest = np.setdiff1d(np.arange(table.shape[1]), matched)
    return np.concatenate([matched, rest])


def neighbor_mutual_information(
    neighbors: np.ndarray, labels: np.ndarray, at_most: int | None = None
) -> float:
    """Mutual information, in nats, between the cluster of a point and that of its neighbor.

    High if neighbors share a cluster and the clusters are many and even: what invariant
    information clustering maximizes (Ji et al. 2019, equation 3). It needs no labels, and on one
    neighbor graph it compares clusterings that were found in different spaces.

    Args:
        neighbors: int (N, k), indices of other points.
        labels: int (N,). An unsorted point, -1, tells nothing of its neighbors: it counts as being
            in every cluster, in proportion to their sizes.
        at_most: With more clusters than this, which would raise the information by their number
            alone, it is that of merged clusters: the smallest joins the one with which least is lost,
            until so many are left (after the agglomerative information bottleneck, Slonim and
            Tishby 1999).
    """
    joint = _neighboring_clusters(neighbors, labels)
    while at_most is not None and len(joint) > at_most:
        joint = _merge_smallest(joint)
    return _mutual_information(joint)


def modularity(neighbors: np.ndarray, labels: np.ndarray) -> float:
    """How much more often neighbors share a cluster than points drawn at random would, -0.5 to 1
    (Newman and Girvan 2004); highest where clusters are as many as there are dense groups.

    Args:
        neighbors: int (N, k), indices of other points.
        labels: int (N,).
    """
    joint = _neighboring_clusters(neighbors, labels)
    return float(np.trace(joint) - np.square(joint.sum(0)).sum())


def _neighboring_clusters(neighbors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How often two clusters occur in a point and its neighbor, shares (K, K), symmetric."""
    sorted_labels, labels = np.unique(labels, return_inverse=True)
    joint = np.zeros((labels.max() + 1,) * 2)
    np.add.at(joint, (np.repeat(labels, neighbors.shape[1]), labels[neighbors.ravel()]), 1)
    if sorted_labels[0] == -1 and len(sorted_labels) > 1:
        sizes = np.bincount(labels)[1:]
        anywhere = sizes / sizes.sum()
        joint = (
            joint[1:, 1:]
            + np.outer(joint[1:, 0], anywhere)
            + np.outer(anywhere, joint[0, 1:])
            + joint[0, 0] * np.outer(anywhere, anywhere)
        )
    return (joint + joint.T) / (2 * joint.sum())


def _merge_smallest(joint: np.ndarray) -> np.ndarray:
    """The shares (K - 1, K - 1) once the smallest cluster is part of another, that with which least
    information is lost.
    """
    share = joint.sum(0)
    smallest = int(share.argmin())
    others = np.delete(np.arange(len(joint)), smallest)
    shares, joins = share[others], share[smallest]
    rest, row = joint[np.ix_(others, others)], joint[smallest, others]
    within = joint[smallest, smallest]
    # The information is the sum of p log p over all pairs of clusters, less twice that over the clusters.
    # What each union adds to it: in pairs with other clusters, which are there twice, with itself, and in
    # its own share.
    pairs = _p_log_p(rest + row) - _p_log_p(rest)
    itself = rest.diagonal()
    gained = 2 * (pairs.sum(1) - pairs.diagonal())
    gained += _p_log_p(itself + 2 * row + within) - _p_log_p(itself)
    gained -= 2 * (_p_log_p(shares + joins) - _p_log_p(shares))
    best = gained.argmax()
    rest[best] += row
    row[best] += within
    rest[:, best] += row
    return rest


def _p_log_p(p: np.ndarray) -> np.ndarray:
    """Shares p times log p; 0 for 0."""
    return xlogy(p, p)


def _mutual_information(joint: np.ndarray) -> float:
    share = joint.sum(0)
    occurs = joint > 0
    return float((joint[occurs] * np.log(joint[occurs] / np.outer(share, share)[occurs])).sum())
