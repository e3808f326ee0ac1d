"""Callers who leave: the work that is done for them is stopped, wherever it waits."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from service.errors import GoneError


class Visit:
    """The stay of one caller, or of several who want the same; safe for threads.

    Whoever waits on a socket for the caller holds it in the visit: when the caller leaves, the socket is shut
    down, which wakes the one who waits and tells the worker at the other end.
    """

    def __init__(self, *, first: bool = False) -> None:
        self.first = first
        """Whether its jobs go before those of others."""
        self._lock = threading.Lock()
        self._held: set[socket.socket] = set()
        self._told: list[Callable[[], None]] = []
        self.gone = False
        """Whether the caller has left."""

    def leave(self) -> None:
        """The caller has left; what waits for it, waits no more."""
        with self._lock:
            self.gone = True
            held, self._held = self._held, set()
            told, self._told = self._told, []
        for sock in held:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for tell in told:
            tell()

    @contextlib.contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Have something called when the caller leaves during the block, at once where it has left."""
        with self._lock:
            gone = self.gone
            if not gone:
                self._told.append(tell)
        if gone:
            tell()
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._told.remove(tell)

    @contextlib.contextmanager
    def holding(self, sock: socket.socket) -> Iterator[None]:
        """Wait on a socket during the block. Raises `GoneError` when the caller has left already."""
        with self._lock:
            if self.gone:
                raise GoneError
            self._held.add(sock)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(sock)

    def check(self) -> None:
        """Raises `GoneError` when the caller has left."""
        if self.gone:
            raise GoneError


class _Here(threading.local):
    visit: Visit | None = None


_HERE = _Here()


def current_visit() -> Visit:
    """The visit that the calling thread works for; one that never ends where nobody said so."""
    return _HERE.visit or Visit()


@contextlib.contextmanager
def working_for(visit: Visit) -> Iterator[None]:
    """Have the calling thread work for a visit during the block."""
    before, _HERE.visit = _HERE.visit, visit
    try:
        yield
    finally:
        _HERE.visit = before
