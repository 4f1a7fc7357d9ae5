"""TURTLE written plainly, to compare with."""

import torch
from torch.nn import functional

from fashion_mocluster.clustering.turtle import (
    ENTROPY_WEIGHT,
    INNER_STEPS,
    INVERSE_TEMPERATURE,
    LEARNING_RATE,
)


def plain_turtle(x, start, n_clusters, n_steps, draw, batches=None):
    """Labels (N,) and loss of TURTLE as the paper has it: by autograd, one start after another.

    Args:
        x: float32 (N, D), centered and scaled.
        start: Which columns of ``draw`` it begins at.
        draw: Standard normal (D, starts * n_clusters).
        batches: The points of each step; by default all.
    """
    x = torch.from_numpy(x)
    columns = slice(start * n_clusters, (start + 1) * n_clusters)
    weight = torch.tensor(0.1 * draw[:, columns], dtype=torch.float32, requires_grad=True)
    bias = torch.zeros(n_clusters, requires_grad=True)
    classifier = torch.nn.Linear(x.shape[1], n_clusters)
    torch.nn.init.zeros_(classifier.weight)
    torch.nn.init.zeros_(classifier.bias)
    outer = torch.optim.Adam([weight, bias], lr=LEARNING_RATE)
    inner = torch.optim.Adam(classifier.parameters(), lr=LEARNING_RATE)

    def labels_at(points, sharpness):
        return torch.softmax(sharpness * points @ (weight / weight.norm(dim=0)) + bias, 1)

    for step in range(n_steps):
        batch = x if batches is None else x[batches[step]]
        labels = labels_at(
            batch,
            INVERSE_TEMPERATURE[0]
            * (INVERSE_TEMPERATURE[1] / INVERSE_TEMPERATURE[0]) ** (step / n_steps),
        )
        for _ in range(INNER_STEPS):
            inner.zero_grad()
            functional.cross_entropy(classifier(batch), labels.detach()).backward()
            inner.step()
        entropy = torch.special.entr(labels.mean(0)).sum()
        outer.zero_grad()
        (functional.cross_entropy(classifier(batch), labels) - ENTROPY_WEIGHT * entropy).backward()
        outer.step()
    with torch.no_grad():
        labels = labels_at(x, INVERSE_TEMPERATURE[1])
        return labels.argmax(1).numpy(), float(functional.cross_entropy(classifier(x), labels))
