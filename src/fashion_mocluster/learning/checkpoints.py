"""The checkpoints of a training: where they are stored, and whether one belongs to this run."""

import logging
import platform
from typing import Protocol

import torch

from fashion_mocluster.errors import FashionMoClusterError
from fashion_mocluster.learning.parameters import CheckpointParameters

logger = logging.getLogger(__name__)

# Up to format 3 a checkpoint could be of the middle of an epoch.
FORMAT = 4
LAST, BEST, EPOCH = "last", "best", "epoch_"


class CheckpointStore(Protocol):
    """Stores states (nested plain values and tensors) by name."""

    def save(self, name: str, state: dict) -> None:
        """Store ``state``; the one before stays until the new one is complete."""

    def load(self, name: str) -> dict | None:
        """The stored state, or None."""

    def names(self) -> list[str]:
        """Names of all stored states, sorted."""

    def remove(self, name: str) -> None:
        """Delete a stored state."""

    def where(self, name: str) -> str:
        """Where a state is stored, for messages."""


class CheckpointMismatchError(FashionMoClusterError, ValueError):
    """The checkpoint was made by another run."""


class CheckpointMissingError(FashionMoClusterError, ValueError):
    """A checkpoint that this run made is no longer there."""


class Checkpoints:
    """The checkpoints of one run: ``last``, ``best`` and every few epochs ``epoch_NNNN``.

    Args:
        fingerprint: Everything that the result depends on, as nested plain values.
    """

    def __init__(
        self, store: CheckpointStore, parameters: CheckpointParameters, fingerprint: dict, name: str
    ):
        self.store, self.parameters, self.name = store, parameters, name
        self.fingerprint = fingerprint

    def resume(self) -> dict | None:
        """The state to continue from: the last, else that of the newest epoch, else None.

        Raises:
            CheckpointMismatchError: It has another fingerprint or format and ``on_mismatch`` is
                ``refuse``.
        """
        newest = self._newest()
        if newest is None:
            return None
        state, place = self.store.load(newest), self.store.where(newest)
        problem = self._mismatch(state, place)
        if not problem:
            logger.info("%s: continuing from %s", self.name, place)
            return state
        if self.parameters.on_mismatch == "refuse":
            raise CheckpointMismatchError(
                f"{self.name}: {problem}, or retrain with "
                f"--params={self.name}.checkpoints.on_mismatch=restart"
            )
        logger.warning("%s: training from the start; %s", self.name, problem)
        # Left there, those of a longer run would pass for the newest ones of this run.
        for name in self.store.names():
            self.store.remove(name)
        return None

    def save(self, state: dict, epoch: int) -> None:
        """Store the state after ``epoch`` (from 1) as the last one."""
        state = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "environment": environment(),
            **state,
        }
        if epoch % self.parameters.every_n_epochs == 0:
            self.store.save(f"{EPOCH}{epoch:04d}", state)
            for name in self._epochs()[: -self.parameters.keep]:
                self.store.remove(name)
        self.store.save(LAST, state)

    def save_best(self, content: dict) -> None:
        """Store what the best epoch so far gave."""
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
                f"remove the other checkpoints beside it to retrain"
            )
        return content

    def latest(self) -> str:
        """Names the checkpoint that a run would continue from, for messages."""
        newest = self._newest()
        if newest is None:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self.store.where(newest)}"

    def _newest(self) -> str | None:
        return LAST if LAST in self.store.names() else next(reversed(self._epochs()), None)

    def _epochs(self) -> list[str]:
        return [name for name in self.store.names() if name.startswith(EPOCH)]

    def _mismatch(self, state: dict, place: str) -> str:
        if state.get("format") != FORMAT:
            return (
                f"{place} has checkpoint format {state.get('format')}, this version continues "
                f"format {FORMAT} only; finish it with the version that began it"
            )
        different = differences(state["fingerprint"], self.fingerprint)
        if not different:
            return ""
        return (
            f"{place} was made by another run; it differs in {'; '.join(different)}. "
            "Restore these values to continue it"
        )


def environment() -> dict:
    """What results depend on in their last digits beyond the parameters."""
    return {
        "torch": str(torch.__version__),  # a class of its own otherwise, which no file may hold
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }


def differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    """One entry for each value of a checkpoint that differs from the present one."""
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key} (checkpoint {a}, now {b})")
    return lines
