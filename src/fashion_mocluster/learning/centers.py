"""Cluster centers that are trained with the encoder."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fashion_mocluster.learning.parameters import CentersParameters, SurrogateParameters
from fashion_mocluster.learning.surrogate import Surrogate, surrogate_loss


class LearnableCenters(nn.Module):
    """Cluster centers as parameters, trained together with the encoder (table 1j of the thesis).

    Each image belongs to all clusters, in shares q given by the softmax of its cosine similarity to
    the centers. The loss is the mean entropy of q, less ``balance_weight`` times the entropy of the
    mean q: with weight 1 their mutual information, negative (Krause et al. 2010, RIM, equation 1).
    Without the second term one cluster that takes everything is the best solution.
    """

    def __init__(self, n_clusters: int, dimensions: int, parameters: CentersParameters):
        super().__init__()
        self.parameters_used = parameters
        self.centers = nn.Parameter(torch.zeros(n_clusters, dimensions))

    @torch.no_grad()
    def start_from(self, z: Tensor, labels: np.ndarray) -> None:
        """Put each center at the mean of its images."""
        members = F.one_hot(torch.from_numpy(labels).long(), len(self.centers)).to(z)
        self.centers.copy_(F.normalize(members.T @ z, dim=1))

    def log_shares(self, z: Tensor) -> Tensor:
        """Log q (N, n_clusters) of embeddings (N, D)."""
        similarity = F.normalize(z, dim=1) @ F.normalize(self.centers, dim=1).T
        return (similarity / self.parameters_used.temperature).log_softmax(1)

    @torch.no_grad()
    def labels(self, z: Tensor) -> np.ndarray:
        """The most probable cluster of each embedding, int64 (N,)."""
        return self.log_shares(z).argmax(1).cpu().numpy()

    def loss(self, z: Tensor) -> Tensor:
        """The loss of all embeddings (N, D), 0-d."""
        log_q = self.log_shares(z)
        q = log_q.exp()
        mean = q.mean(0)
        # xlogy: 0 log 0 is 0, with a finite gradient.
        balance = -torch.xlogy(mean, mean).sum()
        return -(q * log_q).sum(1).mean() - self.parameters_used.balance_weight * balance

    def surrogate(self, z: Tensor, labels: np.ndarray) -> Surrogate:
        """Loss and gradient of embeddings (N, D) in two clusters or more, whose indices come with it.

        The gradient of the centers is left in ``centers.grad``.
        """
        leaf = z.detach().requires_grad_()
        self.centers.grad = None
        loss = self.loss(leaf)
        loss.backward()
        on_device = torch.from_numpy(labels).long().to(z.device)
        indices = surrogate_loss(z, on_device, SurrogateParameters(silhouette_weight=0))
        return Surrogate(
            loss.item(),
            indices.silhouette,
            indices.davies_bouldin,
            indices.calinski_harabasz,
            leaf.grad,
        )
