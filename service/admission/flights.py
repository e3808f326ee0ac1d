"""Flights: what several callers ask for at the same time is made once for all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from service.errors import DeadlineError, ServiceError
from service.workers.floor import FLOOR
from service.workers.leaving import Visit, current_visit, working_for

T = TypeVar("T")


class _Flight(Generic[T]):
    """One thing that is being made, and those who wait for it."""

    def __init__(self, *, first: bool) -> None:
        self.visit = Visit(first=first)
        """Ends when all who wait have left."""
        self.aboard: set[Visit] = set()
        self.result: T | None = None
        self.error: ServiceError | None = None
        self.done = False
        self.waiting: list[threading.Event] = []


class Flights(Generic[T]):
    """What is being made at the moment, by name; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[str, _Flight[T]] = {}

    def once(self, name: str, make: Callable[[], T], deadline: float, *, first: bool = False) -> T:
        """The thing of that name: made by this thread, or by another one that makes it already.

        It is stopped only when all who wait for it have left. Raises what `make` raises, `DeadlineError`, and
        `GoneError` where the caller has left.
        """
        visit = current_visit()
        landed = threading.Event()
        with self._lock:
            flight = self._flying.get(name)
            leads = flight is None or flight.visit.gone
            if flight is None or leads:
                flight = self._flying[name] = _Flight(first=first)
            flight.aboard.add(visit)
            flight.waiting.append(landed)
        with visit.telling(lambda: self._left(flight, visit, landed)):
            if leads:
                return self._lead(name, flight, make)
            with FLOOR.aside():
                landed.wait(max(0.0, deadline - time.monotonic()))
        visit.check()
        if not flight.done:
            raise DeadlineError("the speech was not ready in time")
        if flight.error is not None:
            raise flight.error
        assert flight.result is not None  # noqa: S101 - it is done, and without an error
        return flight.result

    def _lead(self, name: str, flight: _Flight[T], make: Callable[[], T]) -> T:
        try:
            with working_for(flight.visit):
                flight.result = make()
        except ServiceError as error:
            flight.error = error
            raise
        except BaseException:
            flight.error = ServiceError("something went wrong")
            raise
        finally:
            with self._lock:
                if self._flying.get(name) is flight:
                    del self._flying[name]
                flight.done = True
                waiting = flight.waiting
            for landed in waiting:
                landed.set()
        return flight.result

    def _left(self, flight: _Flight[T], visit: Visit, landed: threading.Event) -> None:
        with self._lock:
            flight.aboard.discard(visit)
            empty = not flight.aboard
        landed.set()
        if empty:
            flight.visit.leave()
