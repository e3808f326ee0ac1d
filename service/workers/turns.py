"""Turns: things of which one thread has one at a time, handed to those who wait in the order they came."""

from __future__ import annotations

import collections
import enum
import threading
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Rank(enum.IntEnum):
    """How urgent a wait is; those of one rank are served in the order in which they came."""

    FIRST = 0
    USUAL = 1
    LAST = 2


class _Turn(Generic[T]):
    """The place in line of one thread that waits."""

    __slots__ = ("called", "given")

    def __init__(self) -> None:
        self.called = threading.Lock()
        self.called.acquire()
        self.given: list[T] = []


class Turns(Generic[T]):
    """Things that one thread uses at a time, each in its turn; safe for threads.

    A `queue.Queue` would give what is put back to whoever asks next, and send the one who was woken for it
    to the end of the line: a few requests of a busy service would then wait several times as long as most.
    """

    def __init__(self, things: Iterable[T]) -> None:
        self._free = collections.deque(things)
        self._lock = threading.Lock()
        self._lines: tuple[collections.deque[_Turn[T]], ...] = tuple(collections.deque() for _ in Rank)

    def take(self, seconds: float, rank: Rank = Rank.USUAL) -> T | None:
        """The next free thing; None when it was not one's turn within so many seconds."""
        line = self._lines[rank]
        with self._lock:
            if self._free:
                return self._free.popleft()
            turn = _Turn[T]()
            line.append(turn)
        if not turn.called.acquire(timeout=seconds):
            with self._lock:
                if not turn.given:
                    line.remove(turn)
                    return None
        return turn.given[0]

    def give(self, thing: T) -> None:
        """Put a thing back, into the hands of whoever is next."""
        with self._lock:
            line = next(filter(None, self._lines), None)
            if line is None:
                self._free.append(thing)
                return
            turn = line.popleft()
            turn.given.append(thing)
            turn.called.release()
