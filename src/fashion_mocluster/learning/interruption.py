"""Ctrl-C and SIGTERM as a request to stop where nothing is lost but the epoch that is running."""

import logging
import signal
import threading
from types import FrameType

logger = logging.getLogger(__name__)


class StopSignals:
    """While active, the first Ctrl-C or SIGTERM only asks for a stop; a second one acts at once.

    Python delivers signals to the main thread alone, so in other threads this does nothing.

    Attributes:
        received: The signal that asked, or None.
    """

    def __init__(self):
        self.received: signal.Signals | None = None
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        while self._handlers:
            number, handler = self._handlers.popitem()
            # None stands for a handler that Python did not install and cannot restore.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def leave(self, message: str) -> None:
        """End the process like one that died of the signal, if one was received.

        Raises:
            SystemExit: With 128 + the signal's number, as shells report it.
        """
        if self.received is None:
            return
        logger.warning(
            "stopped by %s; %s. Run the same command again to continue", self.received.name, message
        )
        raise SystemExit(128 + self.received)
