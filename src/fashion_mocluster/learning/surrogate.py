"""Cluster-quality indices as differentiable losses, for fixed assignments.

Their values are those of scikit-learn's ``silhouette_score``, ``davies_bouldin_score`` and
``calinski_harabasz_score``; their gradients reach the embeddings. Memory grows with
``chunk * N``, never with N squared.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fashion_mocluster.errors import InputError
from fashion_mocluster.learning.parameters import SurrogateParameters
from fashion_mocluster.wording import counted

# Added under square roots: the gradient of sqrt at 0 is infinite.
EPSILON = 1e-12


@dataclass(frozen=True)
class Surrogate:
    """Indices of one assignment, the loss made of them and its gradient.

    Attributes:
        loss: Weighted sum that is minimized.
        gradient: d loss / d embeddings, float32 (N, D).
    """

    loss: float
    silhouette: float
    davies_bouldin: float
    calinski_harabasz: float
    gradient: Tensor


def surrogate_loss(z: Tensor, labels: Tensor, parameters: SurrogateParameters) -> Surrogate:
    """The loss of all embeddings and its gradient, in the memory of a chunk.

    -silhouette_weight * S + davies_bouldin_weight * DB - calinski_harabasz_weight * log1p(CH) / 10,
    with -1 / DB in place of DB where the parameters say so.

    Args:
        z: Embeddings, float32 (N, D).
        labels: int64 (N,), any integers; empty clusters do not occur.

    Raises:
        InputError: Fewer than two clusters, or as many clusters as images.
    """
    _, labels = torch.unique(labels, return_inverse=True)
    clusters = int(labels.max()) + 1
    if not 2 <= clusters < len(z):
        raise InputError(
            f"need 2 to {len(z) - 1} clusters of {counted(len(z), 'image')}, got {clusters}"
        )
    # Distances do not change, but products of large numbers would cancel badly.
    leaf = (z - z.mean(0)).detach().requires_grad_()

    silhouette = 0.0
    for start in range(0, len(leaf), parameters.chunk):
        rows = slice(start, start + parameters.chunk)
        part = silhouette_samples(leaf, labels, clusters, rows).sum() / len(leaf)
        if parameters.silhouette_weight:
            (-parameters.silhouette_weight * part).backward()
        silhouette += part.item()
    db, ch = davies_bouldin(leaf, labels, clusters), calinski_harabasz(leaf, labels, clusters)
    rest = _weighted(db, ch, parameters)
    rest.backward()
    loss = -parameters.silhouette_weight * silhouette + rest.item()
    # Moving all embeddings together changes no index, so centering left the gradient as it was.
    return Surrogate(loss, silhouette, db.item(), ch.item(), leaf.grad)


def batch_loss(z: Tensor, labels: Tensor, parameters: SurrogateParameters) -> Tensor:
    """The same loss of one batch (B, D) as a 0-d tensor to differentiate; 0 where the batch has a
    single cluster or only clusters of one.
    """
    present, labels = torch.unique(labels, return_inverse=True)
    clusters = len(present)
    if not 2 <= clusters < len(z):
        return z.sum() * 0
    z = z - z.mean(0).detach()
    silhouette = silhouette_samples(z, labels, clusters, slice(0, len(z))).mean()
    indices = davies_bouldin(z, labels, clusters), calinski_harabasz(z, labels, clusters)
    return -parameters.silhouette_weight * silhouette + _weighted(*indices, parameters)


def _weighted(db: Tensor, ch: Tensor, parameters: SurrogateParameters) -> Tensor:
    """What the loss has beside the silhouette, which alone is computed in chunks."""
    form = db if parameters.davies_bouldin_form == "index" else -1 / (db + EPSILON)
    return (
        parameters.davies_bouldin_weight * form
        - parameters.calinski_harabasz_weight * torch.log1p(ch) / 10
    )


def silhouette_samples(z: Tensor, labels: Tensor, clusters: int, rows: slice) -> Tensor:
    """Silhouette (Rousseeuw 1987), (rows,) in [-1, 1], of ``rows``; 0 where a cluster has one member.

    Args:
        z: Embeddings (N, D).
        labels: int64 (N,) in 0..clusters-1, none of them empty.
    """
    x, own = z[rows], labels[rows, None]
    squared = x.square().sum(1, keepdim=True) - 2 * x @ z.T + z.square().sum(1)
    distance = (squared.clamp_min(0) + EPSILON).sqrt()
    itself = torch.arange(len(z), device=z.device)[rows, None]
    distance = distance.scatter(1, itself, 0)
    members = F.one_hot(labels, clusters).to(z.dtype)
    sizes = members.sum(0)
    totals = distance @ members
    own_size = sizes[own]
    within = totals.gather(1, own) / (own_size - 1).clamp_min(1)
    between = (totals / sizes).scatter(1, own, float("inf")).amin(1, keepdim=True)
    samples = (between - within) / torch.maximum(between, within).clamp_min(EPSILON)
    return torch.where(own_size > 1, samples, 0.0).squeeze(1)


def _centroids(z: Tensor, labels: Tensor, clusters: int) -> tuple[Tensor, Tensor]:
    members = F.one_hot(labels, clusters).to(z.dtype)
    sizes = members.sum(0)
    return members.T @ z / sizes[:, None], sizes


def davies_bouldin(z: Tensor, labels: Tensor, clusters: int) -> Tensor:
    """Davies-Bouldin index (1979), 0-d; lower is better."""
    centroids, sizes = _centroids(z, labels, clusters)
    distance = ((z - centroids[labels]).square().sum(1) + EPSILON).sqrt()
    spread = torch.zeros_like(sizes).index_add(0, labels, distance) / sizes
    gap = ((centroids[:, None] - centroids[None]).square().sum(2) + EPSILON).sqrt()
    ratio = (spread[:, None] + spread[None]) / gap
    itself = torch.eye(clusters, dtype=torch.bool, device=z.device)
    return ratio.masked_fill(itself, 0).amax(1).mean()


def calinski_harabasz(z: Tensor, labels: Tensor, clusters: int) -> Tensor:
    """Calinski-Harabasz index (1974), 0-d; higher is better, infinite for points without spread."""
    centroids, sizes = _centroids(z, labels, clusters)
    between = (sizes * (centroids - z.mean(0)).square().sum(1)).sum()
    within = (z - centroids[labels]).square().sum()
    return between / (within + EPSILON) * (len(z) - clusters) / (clusters - 1)
