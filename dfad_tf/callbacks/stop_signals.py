"""Ctrl-C and SIGTERM during training: a backup is written before the process exits."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn

_LOG = logging.getLogger(__name__)
_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StopSignals:
    """A context in which Ctrl-C and SIGTERM wait for the end of the train step.

    A signal before the first train step, while images are drawn for instance, ends the process at
    once, since there is nothing to save. So does a second signal.

    Attributes:
        received: The signal received; None without one.

    Example:

    >>> with callbacks.StopSignals() as stop:
    ...     backup = callbacks.Backup("backup", stop=stop)
    ...     history = distiller.fit(
    ...         batch_size=8, epochs=2, steps_per_epoch=2, verbose=0, callbacks=[backup]
    ...     )
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}
        self._training = False

    def __enter__(self) -> StopSignals:
        # Only Python's main thread receives signals and may set their handlers.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in _NAMES}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore_handlers()
        if kind is None and self.received is not None:  # It came after the last step.
            self.leave("training has ended, and the same command continues with the evaluation")

    def training_begins(self) -> None:
        """Let signals wait from now on; `Backup` calls this when `fit` begins."""
        self._training = True

    def leave(self, message: str) -> NoReturn:
        """Exit as the received signal would.

        Args:
            message: How to continue.

        Raises:
            KeyboardInterrupt: After Ctrl-C, with the message.
            SystemExit: After SIGTERM, with status 143; the message is logged as a warning.
        """
        number, self.received = self.received, None
        text = f"stopped by {_NAMES[signal.Signals(number or signal.SIGTERM)]}; {message}"
        if number == signal.SIGINT:
            raise KeyboardInterrupt(text)
        _LOG.warning("%s", text)
        sys.exit(128 + signal.SIGTERM)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore_handlers()  # A second signal stops at once.
        if not self._training:
            self.leave("training had not begun, and the same command begins or resumes it")

    def _restore_handlers(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
