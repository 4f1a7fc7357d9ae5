"""How many threads compute fastest at present.

Where a machine is shared with others, two threads that wait for each other can be 30 times slower
than one; where it is not, they are nearly twice as fast. So the number is measured, at the start and
again when work becomes slow. Results may differ in their last digits with the number of threads.
"""

import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Literal

logger = logging.getLogger(__name__)

# Another number of threads must be faster by this factor to be taken.
MARGIN = 1.1
# A step that takes this many times the fastest one is slow.
SLOW = 2.0
# Seconds of work between two looks at the speed.
OBSERVE_EVERY_S = 1.0
# Seconds with fewer threads than possible until all are tried again, twice as many each time in vain.
TRY_AGAIN_S = 10.0


def available_threads() -> int:
    """Cores that this process may use, or ``OMP_NUM_THREADS`` if that is fewer.

    A container that may use two of 64 cores has two.
    """
    from joblib import cpu_count

    cores = cpu_count()
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores, max(1, int(asked))) if asked.isdigit() else cores


def fastest_thread_count(
    work: Callable[[], object],
    candidates: Sequence[int],
    set_threads: Callable[[int], object] | None = None,
    preferred: int | None = None,
    margin: float = MARGIN,
    budget_s: float = 1.0,
) -> int:
    """The number of threads with which ``work`` is fastest; threads are left set to it.

    Args:
        work: A piece of work of some milliseconds, without lasting effects.
        candidates: Numbers of threads to try, alternately.
        set_threads: Called with a number of threads; by default ``torch.set_num_threads``.
        preferred: By default the largest candidate; taken unless another is ``margin`` times faster.
        budget_s: No further round begins after so many seconds, but for the second: three times as many.
    """
    if set_threads is None:
        import torch

        set_threads = torch.set_num_threads
    candidates = sorted(set(candidates))
    preferred = preferred if preferred in candidates else candidates[-1]
    times: dict[int, list[float]] = {count: [] for count in candidates}
    if len(candidates) > 1:
        begun = time.perf_counter()
        set_threads(candidates[0])
        work()  # the first call also pays for what is built once
        for round_ in range(4):
            fastest = min((t for seconds in times.values() for t in seconds), default=math.inf)
            for count in candidates:
                # What was several times slower is tried once more, as the first call with a number of
                # threads also pays for what is built for it, and then no more.
                if len(times[count]) < 2 or min(times[count]) < 3 * fastest:
                    set_threads(count)
                    times[count].append(_seconds(work))
            if time.perf_counter() - begun > (budget_s if round_ else 3 * budget_s):
                break
    best = {count: min(seconds, default=0.0) for count, seconds in times.items()}
    fastest = min(candidates, key=best.__getitem__)
    chosen = fastest if best[preferred] > margin * best[fastest] else preferred
    set_threads(chosen)
    return chosen


class TorchThreads:
    """A context in which torch computes with as many threads as are fastest.

    Args:
        name: What is computed, for messages.
        setting: A number of threads, or ``auto``.
        work: A piece of the work that is to be done, without lasting effects.
        previous: Number of threads with which the work was begun by an earlier process; kept
            unless it is slow now.

    Attributes:
        count: The number of threads at present.
    """

    def __init__(
        self,
        name: str,
        setting: int | Literal["auto"],
        work: Callable[[], object],
        previous: int | None = None,
    ):
        self.name, self.work = name, work
        self.candidates = [setting] if setting != "auto" else [1, available_threads()]
        self.count = self.candidates[-1]
        self.margin = MARGIN
        if previous in self.candidates:
            self.count, self.margin = previous, SLOW
        self.restart()
        self._fastest_step_s = float("inf")
        self._try_again_s = TRY_AGAIN_S

    def __enter__(self) -> "TorchThreads":
        import torch

        self._before = torch.get_num_threads()
        self._choose()
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self._before)

    def observe(self, steps: int) -> None:
        """Count steps done since the last call. Measure anew if they were slow, and now and then while
        fewer threads than possible are in use, for the machine may be free again.
        """
        self._steps += steps
        now = time.perf_counter()
        if self.count < self.candidates[-1] and now - self._chosen > self._try_again_s:
            self.margin = MARGIN
            self._try_again_s *= 2
            self._choose()
            self.restart()
            return
        elapsed = now - self._begun
        if len(set(self.candidates)) == 1 or elapsed < OBSERVE_EVERY_S:
            return
        step_s = elapsed / self._steps
        if step_s > SLOW * self._fastest_step_s:
            self.margin = MARGIN
            self._choose()
            # Where no other number helps, it is the machine that has become slower.
            self._fastest_step_s = step_s
        self._fastest_step_s = min(self._fastest_step_s, step_s)
        self.restart()

    def restart(self) -> None:
        """Leave what was done since the last observation out of the next."""
        self._steps, self._begun = 0, time.perf_counter()

    def _choose(self) -> None:
        before = self.count
        self.count = fastest_thread_count(
            self.work, self.candidates, preferred=before, margin=self.margin
        )
        self._chosen = time.perf_counter()
        if self.count == self.candidates[-1]:
            self._try_again_s = TRY_AGAIN_S
        if self.count != before:
            logger.info(
                "%s: computing with threads=%d, at present faster than threads=%d",
                self.name,
                self.count,
                before,
            )


def limit_numeric_threads(threads: int | Literal["auto"] = "auto") -> dict[str, int]:
    """Set the threads of NumPy's BLAS and scikit-learn's OpenMP, from now on.

    Args:
        threads: Their number; ``auto`` is the faster of one and all, measured within some 50 ms by a
            matrix product and by a search for nearest points.

    Returns:
        The number of threads of ``blas`` and ``openmp``.
    """
    count = available_threads() if threads == "auto" else threads
    if count == 1 and threads == "auto":
        return {"blas": 1, "openmp": 1}
    import numpy as np
    from sklearn.metrics import pairwise_distances_argmin
    from threadpoolctl import threadpool_limits

    square = np.ones((512, 512), np.float32)
    points = np.random.default_rng(0).random((4096, 32), np.float32)
    # In this order: BLAS keeps a core busy for some milliseconds after a product, and what is measured
    # then on two cores shares one with it.
    work = {
        "openmp": lambda: pairwise_distances_argmin(points, points[:256]),
        "blas": lambda: square @ square,
    }
    return {
        api: fastest_thread_count(
            call,
            [1, count] if threads == "auto" else [count],
            lambda n, api=api: threadpool_limits(n, user_api=api),
            budget_s=0.2,
        )
        for api, call in work.items()
    }


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
