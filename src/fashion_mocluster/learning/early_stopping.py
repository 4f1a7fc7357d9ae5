"""Stop when nothing improves any more."""

import math

from fashion_mocluster.learning.parameters import EarlyStoppingParameters


class EarlyStopping:
    """Remembers the best value so far (lower is better) and how long ago it was.

    Args:
        parameters: Patience in epochs and least improvement; None never stops.
    """

    def __init__(self, parameters: EarlyStoppingParameters | None):
        self.parameters = parameters
        self.best = math.inf
        self.best_epoch = -1
        self.waited = 0

    def improved(self, value: float, epoch: int) -> bool:
        """Record the value of ``epoch``; True if it is the best yet by at least ``min_delta``."""
        min_delta = self.parameters.min_delta if self.parameters else 0.0
        if value < self.best - min_delta:
            self.best, self.best_epoch, self.waited = value, epoch, 0
            return True
        self.waited += 1
        return False

    @property
    def exhausted(self) -> bool:
        """True once ``patience`` epochs in a row brought no improvement."""
        return self.parameters is not None and self.waited >= self.parameters.patience

    def state_dict(self) -> dict:
        """What a checkpoint needs to continue."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        """Continue from a checkpoint."""
        self.best, self.best_epoch, self.waited = (
            state["best"],
            state["best_epoch"],
            state["waited"],
        )
