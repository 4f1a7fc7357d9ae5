"""TURTLE clustering (Gadetsky, Jiang and Brbic 2024, "Let go of your labels with unsupervised
transfer"), here in a single space.

It looks for the soft labels that are linear in the embeddings and that a linear classifier, trained
on them, predicts best (the paper's equation 8). Three things are added. Points are first averaged
with their nearest neighbors, repeatedly (the graph filter of Wu et al. 2019, "Simplifying graph
convolutional networks"), after which few principal components hold nearly all that is left of their
variance; only these are kept. The labels begin soft and are sharpened slowly (deterministic annealing,
Rose 1998), without which most starts end in poor optima. And of several starts the one is used
whose clusters neighbors share most, as the lowest loss may be that of a poor optimum. Clusters
found by other means, where there are any, are a better guide: the labels then begin as those, and
the start that agrees most with them is used.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import csr_array, eye_array
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, validate_data
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.blas import blas_threads
from fashion_mocluster.clustering.checks import check_counts
from fashion_mocluster.clustering.neighbors import neighbor_graph, unit
from fashion_mocluster.clustering.scores import neighbor_mutual_information

# Weight of the entropy of the cluster sizes: the paper's gamma, at which they come out equal.
ENTROPY_WEIGHT = 10.0
# Share of the variance of the averaged points that is kept. It takes 30 to 100 of 128 dimensions.
KEPT_VARIANCE = 0.995
# Length of the weights of a label at the first and the last step: from soft to sharp.
INVERSE_TEMPERATURE = 0.2, 2.0
# Its first value where the labels begin as init_labels: much softer labels would forget those.
INVERSE_TEMPERATURE_OF_INIT = 1.2
# How far from init_labels the starts after the first begin, where the directions have length 1.
INIT_NOISE = 0.5
BATCH_SIZE = 2000
# Starts whose weights are one matrix; the groups are computed side by side.
STARTS_TOGETHER = 4
# Steps of the classifier for one step of the labels.
INNER_STEPS = 5
LEARNING_RATE = 3e-3


class Turtle(ClusterMixin, BaseEstimator):
    """Clusters of about N / n_clusters points each that a linear classifier tells apart best.

    The result is the same for any number of threads. Only the direction of a point counts.

    Args:
        n_clusters: Number of clusters.
        n_neighbors: Other points that a point is averaged and compared with; all if there are fewer.
        n_hops: How often it is averaged with them.
        n_init: Starts: at random or, with ``init_labels``, at these and around them.
        n_steps: Steps of the labels.
        random_state: Seed or RandomState for the initialization and the batches.

    Attributes:
        labels_: int64 (N,) in 0..n_clusters-1; some of them may be missing.
        losses_: float32 (n_init,), nats: the cross-entropy of the classifier.
        neighbor_mi_: float64 (n_init,), nats: the mutual information between the cluster of a point
            and those of its neighbors.
        init_nmi_: float64 (n_init,): the normalized mutual information with ``init_labels``; None
            without them.
    """

    def __init__(
        self, n_clusters=8, *, n_neighbors=15, n_hops=2, n_init=8, n_steps=800, random_state=None
    ):
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.n_hops = n_hops
        self.n_init = n_init
        self.n_steps = n_steps
        self.random_state = random_state

    def fit(self, X, y=None, *, init_labels=None):  # noqa: N803 scikit-learn's name
        """Cluster points (N, D).

        Args:
            init_labels: int (N,) in 0..n_clusters-1, clusters of the same points that were found in
                another way.

        Raises:
            ValueError: Fewer than two points, fewer than clusters, NaN or infinite values, another
                number of points or clusters in ``init_labels``, or an invalid parameter.
        """
        check_counts(self, n_clusters=1, n_neighbors=1, n_hops=0, n_init=1, n_steps=1)
        x = validate_data(self, X, dtype=[np.float32, np.float64], ensure_min_samples=2)
        if self.n_clusters > len(x):
            raise ValueError(
                f"n_samples={len(x)} should be >= n_clusters={self.n_clusters}; lower it"
            )
        if init_labels is not None:
            check_consistent_length(x, init_labels)
            init_labels = np.asarray(init_labels)
            if init_labels.min() < 0 or init_labels.max() >= self.n_clusters:
                raise ValueError(
                    f"init_labels are {init_labels.min()} to {init_labels.max()}; they should be "
                    f"0 to {self.n_clusters - 1}"
                )
        graph, threads = neighbor_graph(unit(x), self.n_neighbors), blas_threads()
        # Sums of several threads would be rounded in another order than those of one.
        with threadpool_limits(1):
            x = center_and_scale(main_components(smooth(unit(x), graph, self.n_hops)))
            x = x.astype(np.float32)
            random_state = check_random_state(self.random_state)
            labels, self.losses_ = self._anneal(x, init_labels, random_state, threads)
        neighbors = graph.indices.reshape(len(x), -1)
        self.neighbor_mi_ = np.array([neighbor_mutual_information(neighbors, a) for a in labels])
        self.init_nmi_, criterion = None, self.neighbor_mi_
        if init_labels is not None:
            agreements = [normalized_mutual_info_score(init_labels, a) for a in labels]
            self.init_nmi_ = criterion = np.array(agreements)
        self.labels_ = labels[criterion.argmax()].astype(np.int64)
        return self

    def _anneal(
        self,
        x: np.ndarray,
        init_labels: np.ndarray | None,
        random_state: np.random.RandomState,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (n_init, N) and losses (n_init,) of all starts.

        They are optimized a few at a time, whatever the number of threads.
        """
        weights = random_state.standard_normal((x.shape[1], self.n_init * self.n_clusters))
        weights, softest = 0.1 * weights.T.astype(np.float32), INVERSE_TEMPERATURE[0]
        if init_labels is not None:
            weights, softest = self._init_near(init_labels, x, weights), INVERSE_TEMPERATURE_OF_INIT
        weights = weights.reshape(self.n_init, self.n_clusters, -1)
        batches = list(self._batches(len(x), random_state))
        groups = [
            weights[first : first + STARTS_TOGETHER]
            for first in range(0, self.n_init, STARTS_TOGETHER)
        ]
        with ThreadPoolExecutor(threads) as pool:
            results = list(
                pool.map(lambda group: self._optimize(x, group, batches, softest), groups)
            )
        labels, losses = zip(*results, strict=True)
        return np.concatenate(labels), np.concatenate(losses)

    def _init_near(self, init_labels: np.ndarray, x: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Weights (n_init * n_clusters, D) towards the means of the clusters of ``init_labels``.

        The random ``noise`` moves all starts but the first, and is where a cluster without points
        begins.
        """
        noise = _unit_rows(noise)[0]
        means = noise[: self.n_clusters].copy()
        for label in np.unique(init_labels):
            means[label] = x[init_labels == label].mean(0)
        noise[: self.n_clusters] = 0
        return np.tile(_unit_rows(means)[0], (self.n_init, 1)) + INIT_NOISE * noise

    def _batches(self, n_points: int, random_state: np.random.RandomState) -> Iterator[np.ndarray]:
        """Points of each step, in passes in which no point comes twice."""
        for step in range(self.n_steps):
            if step % max(n_points // BATCH_SIZE, 1) == 0:
                order = random_state.permutation(n_points)
            yield order[:BATCH_SIZE]
            order = order[BATCH_SIZE:]

    def _optimize(
        self, x: np.ndarray, weights: np.ndarray, batches: list[np.ndarray], softest: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (S, N) and losses (S,) of the starts with weights (S, n_clusters, D).

        The labels sharpen from ``softest`` on. All arrays have the points last, which makes the sums
        over clusters several times faster.
        """
        shape = weights.shape[:2]
        x = np.pad(x, ((0, 0), (0, 1)), constant_values=1)  # its weight is the bias
        labeling = _LinearHeads(weights.reshape(-1, weights.shape[2]))
        classifier = _LinearHeads(np.zeros_like(labeling.weights[:, :-1]))
        sharpest = INVERSE_TEMPERATURE[1]
        for step, chosen in enumerate(batches):
            sharpness = softest * (sharpest / softest) ** (step / self.n_steps)
            batch = x.take(chosen, 0)
            columns = np.ascontiguousarray(batch.T)  # twice as fast in a product as batch.T
            directions, lengths = _unit_rows(labeling.weights[:, :-1])
            heads = np.hstack([sharpness * directions, labeling.weights[:, -1:]])
            labels = _softmax((heads @ columns).reshape(*shape, -1))
            for _ in range(INNER_STEPS):
                grad_logits = _softmax((classifier.weights @ columns).reshape(*shape, -1))
                grad_logits -= labels
                classifier.adam_step(grad_logits.reshape(len(heads), -1) @ batch / len(batch))
            # The gradient, by the labels, of the classifier's cross-entropy less ENTROPY_WEIGHT
            # times the entropy of the cluster sizes. What it leaves out, the normalization of the
            # classifier's softmax and a constant, is the same for all clusters and cancels below.
            grad_labels = (classifier.weights @ columns).reshape(*shape, -1)
            np.negative(grad_labels, out=grad_labels)
            sizes = labels.mean(2, keepdims=True)
            grad_labels += ENTROPY_WEIGHT * np.log(sizes + 1e-12)
            # Through the softmax, then through the unit length.
            grad_labels -= np.einsum("skb,skb->sb", labels, grad_labels)[:, None]
            grad_labels *= labels
            gradient = grad_labels.reshape(len(heads), -1) @ batch / len(batch)
            along = np.einsum("ij,ij->i", directions, gradient[:, :-1])[:, None]
            gradient[:, :-1] = sharpness * (gradient[:, :-1] - along * directions) / lengths
            labeling.adam_step(gradient)
        directions, _ = _unit_rows(labeling.weights[:, :-1])
        heads = np.hstack([sharpest * directions, labeling.weights[:, -1:]])
        labels = _softmax((heads @ x.T).reshape(*shape, -1))
        error = -log_softmax((classifier.weights @ x.T).reshape(*shape, -1), axis=1)
        return labels.argmax(1), np.einsum("skn,skn->s", labels, error) / len(x)


class _LinearHeads:
    """Linear layers trained by Adam (Kingma and Ba 2015).

    ``weights`` are float32 (heads, D + 1), the last column the biases, 0 at first.
    """

    def __init__(self, weights: np.ndarray):
        self.weights = np.pad(weights, ((0, 0), (0, 1)))
        self._mean, self._square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self._steps = 0

    def adam_step(self, gradient: np.ndarray) -> None:
        """One step against the gradient (heads, D + 1), in place."""
        self._steps += 1
        rate = LEARNING_RATE * (1 - 0.999**self._steps) ** 0.5 / (1 - 0.9**self._steps)
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.001 * (gradient * gradient - self._square)
        self.weights -= rate * self._mean / (np.sqrt(self._square) + 1e-8)


def smooth(x: np.ndarray, graph: csr_array, n_hops: int) -> np.ndarray:
    """Points (N, D), each averaged ``n_hops`` times with its neighbors in the graph (N, N), of which
    each has equally many. The graph is the same each time.
    """
    mean = csr_array((graph + eye_array(len(x))) / (graph.nnz // len(x) + 1), dtype=x.dtype)
    for _ in range(n_hops):
        x = mean @ x
    return x


def main_components(x: np.ndarray) -> np.ndarray:
    """Points (N, D) in the fewest principal components that hold ``KEPT_VARIANCE``, float (N, <= D)."""
    if min(x.shape) < 2 or not np.ptp(x, axis=0).any():
        return x
    solver = "covariance_eigh" if len(x) > x.shape[1] else "full"
    return PCA(KEPT_VARIANCE, svd_solver=solver).fit_transform(x)


def center_and_scale(x: np.ndarray) -> np.ndarray:
    """Points (N, D) with mean 0, divided by one number so that the mean square is 1."""
    x = x - x.mean(0)
    return x / (np.sqrt(np.square(x).mean()) or 1.0)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the clusters, in place, of logits (S, K, B); several times as fast as SciPy's."""
    logits -= logits.max(1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(1, keepdims=True)
    return logits


def _unit_rows(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (heads, D) scaled to unit length, and their lengths (heads, 1)."""
    lengths = np.linalg.norm(weights, axis=1, keepdims=True) + np.float32(1e-12)
    return weights / lengths, lengths
