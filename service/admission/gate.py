"""The gate: how many speech requests are admitted at once; one more is told to come back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from service.errors import BusyError


class Gate:
    """A counter of the speech requests that are inside, with a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self.inside = 0
        """Requests admitted and not yet answered."""

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Be inside during the block. Raises `BusyError` when it is full."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Go inside; `leave` must follow. Raises `BusyError` when it is full."""
        with self._lock:
            if self.inside >= self._limit:
                raise BusyError("too many requests at once; try again", retry_after=1)
            self.inside += 1

    def leave(self) -> None:
        """Go outside again."""
        with self._lock:
            self.inside -= 1
