"""An end in time for work of any kind, also for programs that it waits for."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator


class TimeIsOverError(Exception):
    """The time that some work was given has ended."""


class Deadline:
    """A moment, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; negative once it has passed."""
        return self._end - time.monotonic()

    @contextlib.contextmanager
    def enforced(self) -> Iterator[None]:
        """Interrupt the body when the moment comes: `TimeIsOverError` is raised in it, wherever it is.

        A signal does it, which only the main thread can get, and not on Windows; elsewhere the body runs to
        its end, and the error is raised behind it.
        """
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            yield
        else:
            before = signal.signal(signal.SIGALRM, _over)
            signal.setitimer(signal.ITIMER_REAL, max(self.left, 1e-3))
            try:
                yield
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
        if self.left < 0:
            raise TimeIsOverError


def _over(*_: object) -> None:
    raise TimeIsOverError
