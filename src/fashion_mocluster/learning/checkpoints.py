"""The checkpoints of a training: what they hold, whether one fits this run, where they are kept."""

import logging
import platform
from typing import Protocol

import torch

from fashion_mocluster.learning.parameters import CheckpointParameters

logger = logging.getLogger(__name__)

FORMAT = 3
LAST, BEST, EPOCH = "last", "best", "epoch_"


class CheckpointStore(Protocol):
    """Keeps named checkpoints; where and how is the store's affair."""

    def save(self, name: str, state: dict) -> None:
        """Keep ``state`` under ``name``; what was there stays until the new one is known good."""

    def load(self, name: str) -> dict | None:
        """The state kept under ``name``, or None."""

    def names(self) -> list[str]:
        """Names of all states kept, sorted."""

    def remove(self, name: str) -> None:
        """Forget the state kept under ``name``."""

    def where(self, name: str) -> str:
        """Where the state of ``name`` is, in words for the user."""


class MemoryStore:
    """Checkpoints that last as long as the process: for notebooks and scripts."""

    def __init__(self):
        self.states: dict[str, dict] = {}

    def save(self, name: str, state: dict) -> None:
        """Keep ``state`` itself, not a copy."""
        self.states[name] = state

    def load(self, name: str) -> dict | None:
        """The state kept under ``name``, or None."""
        return self.states.get(name)

    def names(self) -> list[str]:
        """Names of all states kept, sorted."""
        return sorted(self.states)

    def remove(self, name: str) -> None:
        """Forget the state kept under ``name``."""
        del self.states[name]

    def where(self, name: str) -> str:
        """In words."""
        return f"{name!r} in memory"


class CheckpointMismatchError(ValueError):
    """The checkpoint found was made by another run."""


class CheckpointMissingError(ValueError):
    """A checkpoint that this run made is no longer there."""


class Checkpoints:
    """The checkpoints of one run: ``last``, ``best`` and now and then ``epoch_NNNN``.

    Args:
        store: Where they are kept.
        parameters: How many are kept, and what happens to those of another run.
        identity: Everything that makes a run what it is, as nested plain values; equal identities
            give equal results.
        name: Name of the work and of its parameter group, for messages.
    """

    def __init__(
        self, store: CheckpointStore, parameters: CheckpointParameters, identity: dict, name: str
    ):
        self.store, self.parameters, self.name = store, parameters, name
        self.identity = identity

    def resume_point(self) -> dict | None:
        """The state to go on from: the last, else the newest of the epochs kept, else None.

        Raises:
            CheckpointMismatchError: It has another identity or format and ``on_mismatch`` is ``refuse``.
        """
        found = self._newest()
        if found is None:
            return None
        state = self.store.load(found)
        differing = self._differing(state)
        if not differing:
            logger.info("%s: going on from %s", self.name, self.store.where(found))
            for line in _differences(state["made_with"], made_with()):
                logger.warning("%s: last digits may differ, made with other %s", self.name, line)
            return state
        if self.parameters.on_mismatch == "restart":
            logger.warning(
                "%s: starting anew, the checkpoint differs in %s", self.name, "; ".join(differing)
            )
            # Left there, those of a longer run would pass for the newest ones of this.
            for name in self.store.names():
                self.store.remove(name)
            return None
        raise CheckpointMismatchError(
            f"{self.name}: {self.store.where(found)} was made by another run; it differs in "
            f"{'; '.join(differing)}. Put these back to continue it, or start anew with "
            f"--params={self.name}.checkpoints.on_mismatch=restart"
        )

    def save(self, state: dict, finished_epoch: int | None) -> None:
        """Keep ``state`` as the last; ``finished_epoch`` is None in the middle of an epoch."""
        state = {
            "format": FORMAT,
            "identity": self.identity,
            "made_with": made_with(),
            **state,
        }
        if finished_epoch is not None and finished_epoch % self.parameters.every_n_epochs == 0:
            self.store.save(f"{EPOCH}{finished_epoch:04d}", state)
            for name in self._epochs()[: -self.parameters.keep]:
                self.store.remove(name)
        self.store.save(LAST, state)

    def save_best(self, content: dict) -> None:
        """Keep what the best epoch so far gives."""
        self.store.save(BEST, {"format": FORMAT, **content})

    def best(self) -> dict:
        """What the best epoch gave.

        Raises:
            CheckpointMissingError: It is gone.
        """
        content = self.store.load(BEST)
        if content is None:
            raise CheckpointMissingError(
                f"{self.name}: {self.store.where(BEST)} is gone, and with it the chosen epoch; "
                f"remove the other checkpoints beside it to train anew"
            )
        return content

    def last_good(self) -> str:
        """Names the checkpoint that a run would go on from, for messages."""
        found = self._newest()
        return (
            f"the last good checkpoint is {self.store.where(found)}"
            if found
            else ("there is no checkpoint yet")
        )

    def _newest(self) -> str | None:
        names = self.store.names()
        return LAST if LAST in names else next(reversed(self._epochs()), None)

    def _epochs(self) -> list[str]:
        return [name for name in self.store.names() if name.startswith(EPOCH)]

    def _differing(self, state: dict) -> list[str]:
        if state.get("format") != FORMAT:
            return [f"format (checkpoint {state.get('format')}, this program {FORMAT})"]
        return _differences(state["identity"], self.identity)


def made_with() -> dict:
    """What results depend on in their last digits beyond the parameters."""
    return {
        "torch": str(torch.__version__),  # a class of its own otherwise, which no file may hold
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }


def _differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key} (checkpoint {a}, now {b})")
    return lines
