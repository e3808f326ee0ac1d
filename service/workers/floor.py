"""The floor: the right to compute, which one request at a time has.

Python lets only one thread compute anyway, but in no order. With a request in each of thirty threads, every
one of them waits for the interpreter anew after each system call, and so does the thread of the sockets. Here
a request waits once, in the order in which they came, and then hardly ever for the interpreter; the thread of
the sockets takes no part, and hardly ever waits either.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from service.workers.turns import Rank, Turns

PATIENCE = 0.5
"""Seconds after which a thread goes on without the floor: the order is a courtesy; nothing hangs on it."""


class _Thread(threading.local):
    """The part that one thread takes: whether it asks for the floor, and whether it has it."""

    takes_part = False
    has_it = False


class Floor:
    """The right to compute; a thread that waits for anything else lets go of it. Safe for threads."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._turns: Turns[bool] = Turns((True,))
        self._thread = _Thread()

    @property
    def mine(self) -> bool:
        """Whether the calling thread has it."""
        return self._thread.has_it

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Take part during the block, without having the floor yet. For all other threads it does nothing."""
        self._thread.takes_part = True
        try:
            yield
        finally:
            self.leave()
            self._thread.takes_part = False

    def take(self, rank: Rank = Rank.USUAL) -> None:
        """Have the floor, after those of the same rank who asked before."""
        thread = self._thread
        if thread.takes_part and not thread.has_it:
            thread.has_it = bool(self._turns.take(self._patience, rank))

    def leave(self) -> None:
        """Let the next one have it."""
        if self._thread.has_it:
            self._thread.has_it = False
            self._turns.give(True)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have the floor during the block, in which this thread waits for something.

        It is then the first to have it again: it is nearest to its reply, and holds the most memory.
        """
        had_it = self._thread.has_it
        self.leave()
        try:
            yield
        finally:
            if had_it:
                self.take(Rank.FIRST)


FLOOR = Floor()
"""One a process, as the interpreter's own lock is."""
