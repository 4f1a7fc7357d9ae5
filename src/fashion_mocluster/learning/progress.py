"""One line of progress per epoch, through the standard logger."""

import logging
import time

logger = logging.getLogger(__name__)


class Progress:
    """Counts time since ``start_epoch`` and tells how much is left.

    Args:
        what: Name of the work, first word of every line.
        epochs: Number of epochs in all.
        start_epoch: The first epoch done by this process (later than 0 after a resume).
    """

    def __init__(self, what: str, epochs: int, start_epoch: int):
        self.what, self.epochs, self.start_epoch = what, epochs, start_epoch
        self.begun = self.previous = time.perf_counter()

    def log(self, epoch: int, images: int, values: dict[str, float]) -> None:
        """Report ``epoch`` (from 0), which saw ``images`` images and ended with ``values``."""
        now = time.perf_counter()
        rate = images / (now - self.previous)
        per_epoch = (now - self.begun) / (epoch + 1 - self.start_epoch)
        left = round(per_epoch * (self.epochs - epoch - 1))
        self.previous = now
        shown = "  ".join(f"{name} {value:.4f}" for name, value in values.items())
        logger.info(
            "%s: epoch %d/%d  %s  %.0f images/s  %d:%02d left",
            *(self.what, epoch + 1, self.epochs, shown, rate, *divmod(left, 60)),
        )
