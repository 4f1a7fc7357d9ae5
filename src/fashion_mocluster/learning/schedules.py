"""What changes from step to step: learning rate, temperature and key momentum."""

import math

from fashion_mocluster.learning.parameters import ContrastParameters, OptimizerParameters


def learning_rate(
    parameters: OptimizerParameters,
    step: int,
    steps: int,
    epochs: int,
    step_cosine_per_batch: bool = False,
) -> float:
    """The learning rate of ``step`` (from 0) of ``steps`` in ``epochs`` epochs.

    It rises linearly during ``warmup_epochs``, then stays or follows half a cosine down to
    ``final_learning_rate`` (Loshchilov and Hutter 2017, equation 5).

    Args:
        step_cosine_per_batch: A quirk of the published scripts: half a cosine every ``epochs`` steps.
    """
    peak, final = parameters.learning_rate, parameters.final_learning_rate
    warmup = parameters.warmup_epochs * steps / epochs
    if step < warmup:
        return peak * (step + 1) / warmup if warmup > 1 else peak
    if parameters.schedule == "constant":
        return peak
    progress = (step - warmup) / max(1, steps - warmup)
    if step_cosine_per_batch:
        progress = step / epochs
    return final + (peak - final) * (1 + math.cos(math.pi * progress)) / 2


def temperature(parameters: ContrastParameters, epoch: int, epochs: int) -> float:
    """Exponential path from start to end over the epochs (from 0), as in the thesis."""
    progress = epoch / max(1, epochs - 1)
    ratio = parameters.temperature_end / parameters.temperature_start
    return parameters.temperature_start * ratio**progress


def key_momentum(parameters: ContrastParameters, step: int, steps: int) -> float:
    """Half a cosine from start to end over the steps (Grill et al. 2020, BYOL); 0 without momentum."""
    if parameters.mechanism == "end_to_end":
        return 0.0
    weight = (1 + math.cos(math.pi * step / max(1, steps))) / 2
    return parameters.momentum_end - (parameters.momentum_end - parameters.momentum_start) * weight
