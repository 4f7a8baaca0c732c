"""Let a training that is told to stop write a backup before it leaves."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, NoReturn

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StopSignals:
    """While it is open, Ctrl-C and SIGTERM wait for the end of the step.

    A second one stops at once, as if this were not there.

    Attributes:
        received: The signal that came; None while none did.

    Example:

    >>> with StopSignals() as stop:
    ...     distiller.fit(callbacks=[Backup("backup", stop=stop)])
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        # Python takes signals in its main thread alone, and lets no other set handlers.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in _NAMES}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._put_back()
        if kind is None and self.received is not None:  # it came behind the last step
            self.leave("training had ended: the same command goes on behind it")

    def leave(self, message: str) -> NoReturn:
        """Leave, as the signal that came would have it.

        Args:
            message: What there is to know for starting again.

        Raises:
            KeyboardInterrupt: For Ctrl-C, with the message.
            SystemExit: For SIGTERM, with 128 and its number; the message is printed.
        """
        number, self.received = self.received, None
        said = f"stopped by {_NAMES[signal.Signals(number or signal.SIGTERM)]}; {message}"
        if number == signal.SIGINT:
            raise KeyboardInterrupt(said)
        print(said, file=sys.stderr, flush=True)
        sys.exit(128 + signal.SIGTERM)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._put_back()  # so that a second one stops at once

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
