"""The labeling that a linear classifier learns best.

TURTLE (Gadetsky, Jiang and Brbic 2024, "Let go of your labels with unsupervised transfer"), here in
a single space, looks for the soft labels that are linear in the embeddings and that a linear
classifier, trained on them, predicts best. Three things are added. Points are first averaged with
their nearest neighbors, over and over (the graph filter of Wu et al. 2019, "Simplifying graph
convolutional networks"). The labels begin soft and are sharpened slowly (deterministic annealing,
Rose 1998), without which most starts end in poor optima. And of several starts that one is kept of
which neighbors share the clusters most: the lowest loss may be that of a poor optimum. Clusters
found by other means, where there are any, are a better guide: the labels then begin as theirs, and
that start is kept which agrees most with them.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array, eye_array
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.metrics import normalized_mutual_info_score
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_consistent_length, validate_data
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering.neighbors import blas_threads, neighbor_graph, unit
from fashion_mocluster.clustering.scores import neighbor_information

# Weight of the entropy of the cluster sizes: that of the paper, at which they come out equal.
ENTROPY_WEIGHT = 10.0
# Length of the weights of a label, from soft to sharp.
INVERSE_TEMPERATURE = 0.2, 2.0
# What it is at first where labels begin as those of a init_labels: much softer, and they forget it.
INVERSE_TEMPERATURE_OF_INIT = 1.2
# How far from the init_labels the starts after the first are, in lengths of its directions.
INIT_NOISE = 0.5
BATCH_SIZE = 2000
# Starts whose heads are one matrix; groups of them run side by side.
STARTS_TOGETHER = 4
# Steps of the classifiers for one of the labels.
INNER_STEPS = 5
LEARNING_RATE = 3e-3


class Turtle(ClusterMixin, BaseEstimator):
    """Clusters of about N / n_clusters points each that a linear classifier tells apart best.

    The result is the same for any number of threads. Only the direction of a point counts.

    Args:
        n_clusters: Number of clusters.
        n_neighbors: Others that a point is averaged and compared with; all if there are fewer.
        n_hops: How often it is averaged with them.
        n_init: Starts, at random or, where there is a init_labels, at it and around it. The one with the
            most neighbor information wins, or that which agrees most with the init_labels.
        n_steps: Steps of the labels.
        random_state: Of the starts and the batches.

    Attributes:
        labels_: int64 (N,) in 0..n_clusters-1.
        losses_: float32 (n_init,), nats: cross-entropy of the classifier.
        neighbor_mi_: float64 (n_init,), nats: what a point's cluster says about its neighbors'.
        init_nmi_: float64 (n_init,): normalized mutual information with the init_labels; None
            without one.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_hops": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        n_neighbors=15,
        n_hops=2,
        n_init=8,
        n_steps=800,
        random_state=None,
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
                number of points or clusters in the init_labels, or an invalid parameter.
        """
        self._validate_params()
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
                    f"the init_labels has clusters {init_labels.min()} to {init_labels.max()}; "
                    f"they should be 0 to {self.n_clusters - 1}"
                )
        graph, threads = neighbor_graph(unit(x), self.n_neighbors), blas_threads()
        # Sums of several threads would be rounded in another order than those of one.
        with threadpool_limits(1):
            x = standardized(filtered(unit(x), graph, self.n_hops))
            random_state = check_random_state(self.random_state)
            labels, self.losses_ = self._anneal(x, init_labels, random_state, threads)
        neighbors = graph.indices.reshape(len(x), -1)
        self.neighbor_mi_ = np.array([neighbor_information(neighbors, a) for a in labels.T])
        self.init_nmi_, judged = None, self.neighbor_mi_
        if init_labels is not None:
            agreements = [normalized_mutual_info_score(init_labels, a) for a in labels.T]
            self.init_nmi_ = judged = np.array(agreements)
        self.labels_ = labels[:, judged.argmax()].astype(np.int64)
        return self

    def _anneal(
        self,
        x: np.ndarray,
        init_labels: np.ndarray | None,
        random_state: np.random.RandomState,
        threads: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (N, n_init) and losses (n_init,) of all starts.

        They are descended a few at a time, whatever the number of threads.
        """
        weights = random_state.standard_normal((x.shape[1], self.n_init * self.n_clusters))
        weights, softest = 0.1 * weights.astype(np.float32), INVERSE_TEMPERATURE[0]
        if init_labels is not None:
            weights, softest = self._around(init_labels, x, weights), INVERSE_TEMPERATURE_OF_INIT
        batches = list(self._batches(len(x), random_state))
        width = STARTS_TOGETHER * self.n_clusters
        groups = [weights[:, first : first + width] for first in range(0, weights.shape[1], width)]
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda group: self._descend(x, group, batches, softest), groups))
        labels, losses = zip(*found, strict=True)
        return np.hstack(labels), np.concatenate(losses)

    def _around(self, init_labels: np.ndarray, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weights (D, n_init * n_clusters) towards the means of a init_labels's clusters.

        All starts but the first are moved by random ``weights``, by which a cluster without points
        begins, too.
        """
        away, _ = _unit_columns(weights)
        means = away[:, : self.n_clusters].copy()
        for cluster in np.unique(init_labels):
            means[:, cluster] = x[init_labels == cluster].mean(0)
        away[:, : self.n_clusters] = 0
        return np.tile(_unit_columns(means)[0], self.n_init) + np.float32(INIT_NOISE) * away

    def _batches(self, n_points: int, random_state: np.random.RandomState) -> Iterator[np.ndarray]:
        """Points of each step, in passes in which none has a second turn."""
        for step in range(self.n_steps):
            if step % max(n_points // BATCH_SIZE, 1) == 0:
                order = random_state.permutation(n_points)
            yield order[:BATCH_SIZE]
            order = order[BATCH_SIZE:]

    def _descend(
        self, x: np.ndarray, weights: np.ndarray, batches: list[np.ndarray], softest: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels (N, S) and losses (S,) of the starts with weights (D, S * n_clusters).

        The labels sharpen from ``softest`` on.
        """
        starts = weights.shape[1] // self.n_clusters, self.n_clusters
        labeling, classifier = _Heads(weights, starts), _Heads(np.zeros_like(weights), starts)
        sharpest = INVERSE_TEMPERATURE[1]
        for step, chosen in enumerate(batches):
            sharpness = softest * (sharpest / softest) ** (step / self.n_steps)
            batch = x[chosen]
            directions, lengths = _unit_columns(labeling.weights)
            labels = softmax(_logits(batch, sharpness * directions, labeling.biases, starts))
            for _ in range(INNER_STEPS):
                predicted = softmax(classifier.logits(batch))
                classifier.descend(*_gradients(batch, (predicted - labels) / len(batch)))
            error = -log_softmax(classifier.logits(batch))
            # Cross-entropy of the classifier less ENTROPY_WEIGHT times the entropy of the cluster sizes,
            # by the labels; then through softmax and unit length.
            slope = error + ENTROPY_WEIGHT * (np.log(labels.mean(0) + 1e-12) + 1)
            slope = labels * (slope - (labels * slope).sum(-1, keepdims=True)) / len(batch)
            by_weights, by_biases = _gradients(batch, slope)
            across = by_weights - directions * (directions * by_weights).sum(0)
            labeling.descend(sharpness * across / lengths, by_biases)
        directions, _ = _unit_columns(labeling.weights)
        labels = softmax(_logits(x, sharpest * directions, labeling.biases, starts))
        error = -log_softmax(classifier.logits(x))
        return labels.argmax(-1), (labels * error).sum(-1).mean(0)


class _Heads:
    """Linear layers, one per start, trained by Adam (Kingma and Ba 2015).

    Weights are float32 (D, starts * K), biases (starts * K,), at first 0.
    """

    def __init__(self, weights: np.ndarray, starts: tuple[int, int]):
        self.weights = weights.copy()
        self.biases = np.zeros(weights.shape[1], np.float32)
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for p in (self.weights, self.biases)]
        self._starts, self._steps = starts, 0

    def logits(self, x: np.ndarray) -> np.ndarray:
        """(B, starts, K) of points (B, D)."""
        return _logits(x, self.weights, self.biases, self._starts)

    def descend(self, by_weights: np.ndarray, by_biases: np.ndarray) -> None:
        """One step against the gradients, in place."""
        self._steps += 1
        rate = LEARNING_RATE * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        both = (self.weights, by_weights), (self.biases, by_biases)
        for (p, g), (mean, square) in zip(both, self._moments, strict=True):
            mean += 0.1 * (g - mean)
            square += 0.001 * (g * g - square)
            p -= np.float32(rate) * mean / (np.sqrt(square) + 1e-8)


def filtered(x: np.ndarray, graph: csr_array, n_hops: int) -> np.ndarray:
    """Points (N, D), each averaged with its neighbors ``n_hops`` times; each has equally many.

    Who is near whom does not change between the rounds.
    """
    mean = csr_array((graph + eye_array(len(x))) / (graph.nnz // len(x) + 1), dtype=x.dtype)
    for _ in range(n_hops):
        x = mean @ x
    return x


def standardized(x: np.ndarray) -> np.ndarray:
    """float32 (N, D), centerd and scaled as a whole to a mean square of 1."""
    x = x - x.mean(0)
    return (x / (np.sqrt(np.square(x).mean()) or 1.0)).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _unit_columns(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.linalg.norm(weights, axis=0) + np.float32(1e-12)
    return weights / lengths, lengths


def _logits(x: np.ndarray, weights: np.ndarray, biases: np.ndarray, starts) -> np.ndarray:
    """(B, starts, K)."""
    return (x @ weights + biases).reshape(-1, *starts)


def _gradients(x: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients by weights and biases, given those by the logits (B, starts, K)."""
    slopes = slopes.reshape(len(x), -1)
    return x.T @ slopes, slopes.sum(0)
