"""Turns: free workers, handed to those who wait in the order in which they came."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Turn(Generic[T]):
    """One who waits."""

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
        self._waiting: collections.deque[_Turn[T]] = collections.deque()

    def take(self, seconds: float) -> T | None:
        """The next free thing; None when it was not one's turn within so many seconds."""
        with self._lock:
            if self._free:
                return self._free.popleft()
            turn = _Turn[T]()
            self._waiting.append(turn)
        if not turn.called.acquire(timeout=seconds):
            with self._lock:
                if not turn.given:
                    self._waiting.remove(turn)
                    return None
        return turn.given[0]

    def give(self, thing: T) -> None:
        """Put a thing back, into the hands of whoever has waited longest."""
        with self._lock:
            if not self._waiting:
                self._free.append(thing)
                return
            turn = self._waiting.popleft()
            turn.given.append(thing)
            turn.called.release()
