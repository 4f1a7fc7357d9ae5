"""Two ways of doing the same, timed in turn in one process."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Result:
    """One row of the benchmark table; ``ratio`` above 1 means that ours is better."""

    area: str
    ours: str
    against: str
    n: int
    ours_value: float
    against_value: float
    unit: str
    ratio: float
    spread: str

    def row(self) -> dict:
        """The row as plain values."""
        return asdict(self)


def time_side_by_side(
    area: str,
    n: int,
    ours: tuple[str, Callable[[], object]],
    against: tuple[str, Callable[[], object]],
    rounds: int,
    unit: str,
    scale: float,
) -> Result:
    """Median times of both, a round of one after a round of the other, after a warm-up of each unless
    there is but one round.

    Args:
        scale: What seconds are multiplied by to give ``unit``.

    The spread is the smallest and largest ratio of all rounds.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    for round_ in range(-1 if rounds > 1 else 0, rounds):
        for times, (_, work) in zip(seconds, (ours, against), strict=True):
            begun = time.perf_counter()
            work()
            if round_ >= 0:
                times.append(time.perf_counter() - begun)
    ratios = [b / a for a, b in zip(*seconds, strict=True)]
    mine, theirs = (statistics.median(times) * scale for times in seconds)
    return Result(
        *(area, ours[0], against[0], n, round(mine, 4), round(theirs, 4), unit),
        round(statistics.median(ratios), 2),
        f"{min(ratios):.2f}-{max(ratios):.2f}",
    )


def growth(area: str, seconds: dict[int, float], against: str, power: float) -> Result:
    """By which power of the size the time grows, fitted over all sizes; the spread is that between
    neighboring sizes.

    Args:
        seconds: Time by size.
        against: What the growth is compared with, and its power.
    """
    sizes, times = np.log(list(seconds)), np.log(list(seconds.values()))
    fitted = float(np.polyfit(sizes, times, 1)[0])
    between = np.diff(times) / np.diff(sizes)
    return Result(
        f"{area} ({', '.join(f'{n:,}' for n in seconds)})",
        *("time", against, max(seconds), round(fitted, 2), power, "power"),
        round(power / fitted, 2),
        f"{between.min():.2f}-{between.max():.2f}",
    )
