"""Lines of progress of a long pass over images."""

import logging
import time

from fashion_mocluster.wording import counted

logger = logging.getLogger(__name__)

# Seconds between two lines.
LOG_EVERY_S = 10.0


class Progress:
    """Counts images of what is named; logs how many are done, how fast, and how long the rest takes."""

    def __init__(self, name: object, total: int):
        self.name, self.total, self.done = name, total, 0
        self._begun = self._logged = time.perf_counter()

    def add(self, count: int) -> None:
        """Count images; log a line where the last is some seconds old."""
        self.done += count
        now = time.perf_counter()
        if now - self._logged < LOG_EVERY_S:
            return
        self._logged = now
        rate = self.done / (now - self._begun)
        minutes, seconds = divmod(round((self.total - self.done) / rate), 60)
        logger.info(
            "%s: %d of %s  %.0f images/s  %d:%02d left",
            self.name,
            self.done,
            counted(self.total, "image"),
            rate,
            minutes,
            seconds,
        )
