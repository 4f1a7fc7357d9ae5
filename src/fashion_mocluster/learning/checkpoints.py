"""What training asks of a place that keeps checkpoints, and whether one fits this run."""

import logging
from typing import Protocol

logger = logging.getLogger(__name__)

FORMAT = 1


class CheckpointStore(Protocol):
    """Keeps named checkpoints; where and how is the store's affair."""

    def save(self, name: str, state: dict) -> None:
        """Keep ``state`` under ``name``, replacing what was there."""

    def load(self, name: str) -> dict | None:
        """The state kept under ``name``, or None."""

    def prune(self, prefix: str, keep: int) -> None:
        """Drop all but the ``keep`` newest names that start with ``prefix``."""


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

    def prune(self, prefix: str, keep: int) -> None:
        """Drop all but the ``keep`` last names that start with ``prefix``."""
        for name in sorted(n for n in self.states if n.startswith(prefix))[:-keep]:
            del self.states[name]


class CheckpointMismatch(ValueError):
    """The checkpoint found was made by another run."""


def resume_point(
    store: CheckpointStore, identity: dict, on_mismatch: str, what: str
) -> dict | None:
    """The last checkpoint if this run may continue it, None to start anew.

    Args:
        identity: Everything that makes a run what it is, as nested plain values; equal
            identities give equal results.
        on_mismatch: ``refuse`` or ``restart``.
        what: Name of the work and of its parameter group, for messages.

    Raises:
        CheckpointMismatch: The checkpoint has another identity or format and ``on_mismatch``
            is ``refuse``.
    """
    state = store.load("last")
    if state is None:
        return None
    if state.get("format") != FORMAT:
        differing = [f"format (checkpoint {state.get('format')}, this program {FORMAT})"]
    else:
        differing = _differences(state["identity"], identity)
    if not differing:
        return state
    if on_mismatch == "restart":
        logger.warning(
            "%s: starting anew, the checkpoint differs in %s", what, "; ".join(differing)
        )
        return None
    raise CheckpointMismatch(
        f"{what}: the checkpoint found was made by another run; it differs in "
        f"{'; '.join(differing)}. Put these back to continue it, or start anew with "
        f"--params={what}.checkpoints.on_mismatch=restart"
    )


def _differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    lines = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key} (checkpoint {a}, now {b})")
    return lines
