"""The ledger: what the requests of all web processes hold at once, and whether one more may come in.

A request is admitted by what it is expected to hold, before it costs anything; what it holds counts
until its answer was sent. Each process writes into a slot of its own of one shared memory, so a process
that dies leaves nothing behind but its slot, which whoever buries it clears.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import mmap
import operator
import struct
import tempfile
import threading
from collections.abc import Iterator
from typing import NamedTuple

from service.errors import BodyTooLargeError, BusyError

SHORT_BYTES = 1 << 20
"""A request that is expected to hold no more is a short one: some twenty seconds of sound."""
_SLOT = struct.Struct("=5qd")
"""Requests, long ones among them, bytes, those of long ones among them, connections, and a sign of life."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """What may be held at once; long requests may take three quarters of it."""

    requests: int
    bytes: int

    @property
    def long_requests(self) -> int:
        """Of the requests: at least one, so that small services speak long texts too."""
        return max(1, self.requests * 3 // 4)

    @property
    def long_bytes(self) -> int:
        """Of the bytes."""
        return self.bytes * 3 // 4


class Holdings(NamedTuple):
    """What is held, by one process or by all."""

    requests: int = 0
    long_requests: int = 0
    bytes: int = 0
    long_bytes: int = 0
    connections: int = 0
    """One more than there are, where a process has the slot."""
    beat: float = 0.0
    """When the process gave a sign of life, by `time.monotonic`."""

    def plus(self, other: Holdings) -> Holdings:
        """Both together."""
        return Holdings._make(map(operator.add, self, other))


class Ledger:
    """The ledger; safe for threads, and for processes that are forked after it was made."""

    def __init__(self, budget: Budget, slots: int = 1) -> None:
        self.budget = budget
        self._slots = slots
        self._slot = 0
        self._memory = mmap.mmap(-1, slots * _SLOT.size)
        self._lock = threading.Lock()
        # The kernel takes a lock of this kind from a process that dies.
        self._file = tempfile.TemporaryFile() if slots > 1 else None  # noqa: SIM115 - lives as long as this

    def use(self, slot: int) -> None:
        """Have this process write into a slot, which is empty."""
        self._slot = slot
        self.clear(slot)
        self.count_connections(1)

    def clear(self, slot: int) -> None:
        """Forget what a process held that is gone."""
        with self._locked():
            self._write(slot, Holdings())

    def close(self) -> None:
        """Be of no more use to this process."""
        if self._file is not None:
            self._file.close()
        self._memory.close()

    def held(self) -> Holdings:
        """What all processes hold."""
        total = Holdings()
        for slot in range(self._slots):
            total = total.plus(self._read(slot))
        return total

    def connections(self) -> list[int]:
        """The connections of each slot."""
        return [self._read(slot).connections for slot in range(self._slots)]

    def count_connections(self, count: int) -> None:
        """Tell how many connections this process has, and one more to tell that it is there."""
        with self._locked():
            mine = self._read(self._slot)
            self._write(self._slot, mine._replace(connections=count))

    def beat(self, now: float) -> None:
        """Give a sign of life."""
        with self._locked():
            self._write(self._slot, self._read(self._slot)._replace(beat=now))

    def last_beat(self, slot: int) -> float:
        """When a process gave a sign of life, by `time.monotonic`; 0 where it gave none."""
        return self._read(slot).beat

    def enter(self, size: int, *, long: bool | None = None) -> Lease:
        """Admit a request that is expected to hold so many bytes; whether it is a long one follows from them.

        Raises `BodyTooLargeError` when it could never be admitted, and `BusyError` when it cannot now.
        """
        long = size > SHORT_BYTES if long is None else long
        most = self.budget.long_bytes if long else self.budget.bytes
        if size > most:
            raise too_much(size, most)
        with self._locked():
            held = self.held()
            if held.requests >= self.budget.requests or (
                long and held.long_requests >= self.budget.long_requests
            ):
                raise BusyError("too many requests at once; try again", retry_after=1)
            self._check_room(held, size, long=long)
            self._add(Holdings(1, int(long), size, size if long else 0))
        return Lease(self, size, long=long)

    def reserve(self, size: int) -> Lease:
        """Room for so many bytes of a body that is still to come: it is no request yet, and as a long one.

        Raises as `enter` does.
        """
        if size > self.budget.long_bytes:
            raise too_much_body(size, self.budget.long_bytes)
        with self._locked():
            self._check_room(self.held(), size, long=True)
            self._add(Holdings(0, 0, size, size))
        return Lease(self, size, long=True, requests=0)

    def change(self, lease: Lease, size: int, *, requests: int = 0) -> None:
        """Have a lease hold another number of bytes. Raises `BusyError` when there is no room for more."""
        more = size - lease.size
        with self._locked():
            if more > 0:
                self._check_room(self.held(), more, long=lease.long)
            long = int(lease.long)
            self._add(Holdings(requests, requests * long, more, more * long))

    def _check_room(self, held: Holdings, size: int, *, long: bool) -> None:
        over = held.bytes + size > self.budget.bytes
        if over or (long and held.long_bytes + size > self.budget.long_bytes):
            raise BusyError("other requests take all the memory; try again", retry_after=2)

    def _add(self, more: Holdings) -> None:
        self._write(self._slot, self._read(self._slot).plus(more))

    def _read(self, slot: int) -> Holdings:
        return Holdings._make(_SLOT.unpack_from(self._memory, slot * _SLOT.size))

    def _write(self, slot: int, held: Holdings) -> None:
        _SLOT.pack_into(self._memory, slot * _SLOT.size, *held)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            if self._file is None:
                yield
                return
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


class Lease:
    """What one request holds; safe for threads."""

    def __init__(self, ledger: Ledger, size: int, *, long: bool, requests: int = 1) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._requests = requests
        self.size = size
        """Bytes."""
        self.long = long

    def grow(self, size: int) -> None:
        """Hold at least so many bytes. Raises `BusyError` when there is no room for more."""
        if size > self.size:
            self._change(size)

    def answered(self, size: int) -> None:
        """The answer is made, and holds so many bytes until it was sent; the request counts no more."""
        self._change(size, end=True)

    def leave(self) -> None:
        """Hold nothing any more; may be called again."""
        self._change(0, end=True)

    def _change(self, size: int, *, end: bool = False) -> None:
        with self._lock:
            ended = self._requests if end else 0
            if ended or size != self.size:
                self._ledger.change(self, size, requests=-ended)
                self._requests -= ended
                self.size = size


def too_much(size: int, most: int) -> BodyTooLargeError:
    """Said of a request whose answer is larger than this service can hold."""
    return BodyTooLargeError(
        f"its sound would take about {size / 1e6:.0f} MB, of {most / 1e6:.0f} MB that there are for it; "
        "send it in parts, or ask for a stream",
        code="too_much_sound",
    )


def too_much_body(size: int, most: int) -> BodyTooLargeError:
    """Said of a request whose body, or what is read of it, is larger than this service can hold."""
    return BodyTooLargeError(
        f"its sound takes {size / 1e6:.0f} MB, of {most / 1e6:.0f} MB that there are; send it in parts",
        code="too_much_sound",
    )
