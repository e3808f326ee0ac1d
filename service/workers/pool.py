"""A pool of equal workers: a job takes the next free one, and is done again once if its worker dies."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from service.errors import DeadlineError, UnavailableError
from service.workers import wire
from service.workers.crew import Board, Crew, Keeping, Program, queue_paths, read_board
from service.workers.floor import FLOOR
from service.workers.folders import OwnFolder
from service.workers.leaving import current_visit

LOOK = 0.25
"""Seconds after which whoever waits looks whether the workers can be loaded at all."""


class WorkerDiedError(Exception):
    """A worker's process ended before it answered."""


class Pool:
    """The workers of one program, as all those see them who hand jobs in; safe for threads and for forks."""

    def __init__(self, program: Program, size: int, *, queue_wait: float, name: str = "voice") -> None:
        self._program = program
        self._size = size
        self._queue_wait = queue_wait
        self._name = name
        self._lock = threading.Lock()
        self._folder: pathlib.Path | None = None
        self._own: OwnFolder | None = None
        self._keeping: Keeping | None = None
        self.retried = 0
        """Jobs done again because a worker died."""

    def crew(self, folder: pathlib.Path) -> Crew:
        """The crew that does this pool's jobs, for whoever keeps it; its queues lie in the folder."""
        self._folder = folder
        return Crew(self._program, self._size, folder, self._name)

    def start(self) -> None:
        """Have a crew: the one that is kept already, or else one that a thread of this process keeps."""
        with self._lock:
            if self._folder is None:
                self._own = OwnFolder("pool")
                self._keeping = Keeping([self.crew(self._own.path)])

    def board(self) -> Board:
        """What is known of the crew, without asking it."""
        return read_board(self._folder, self._name) if self._folder else Board()

    def ask(
        self, job: dict[str, Any], deadline: float, body: bytes | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """One job's answer by `deadline` (`time.monotonic` seconds), in the turn of the current visit.

        A body is handed over when a worker has taken the job, so that none waits in a queue. Raises
        `UnavailableError` when no worker became free or two workers died of it, `DeadlineError`, and
        `GoneError` when the caller has left.
        """
        try:
            return self._ask_one(job, deadline, body)
        except WorkerDiedError:
            self.retried += 1
        try:
            return self._ask_one(job, deadline, body)
        except WorkerDiedError as error:
            what = self._program.what
            raise UnavailableError(
                f"the {what} crashed on this request", code=f"{what}_crashed", retry_after=1
            ) from error

    def stop(self) -> None:
        """End the crew, where this process keeps it; the next job starts another one."""
        with self._lock:
            if self._keeping is not None:
                self._keeping.stop()
                assert self._own is not None  # noqa: S101 - it came with the crew
                self._own.remove()
                self._keeping = self._folder = self._own = None

    @contextlib.contextmanager
    def handed_in(self, job: dict[str, Any], deadline: float) -> Iterator[socket.socket]:
        """A connection on which a job was handed in, for the length of the block."""
        self.start()
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError("it was not ready in time")
        assert self._folder is not None  # noqa: S101 - start() made it
        visit = current_visit()
        path = queue_paths(self._folder, self._name)[0 if visit.first else 1]
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                with visit.holding(sock):
                    sock.connect(str(path))
                    wire.send_message(sock, {**job, "seconds": left}, deadline=deadline)
                    yield sock
            except (wire.ClosedError, ConnectionError) as error:
                visit.check()
                raise WorkerDiedError from error
            except TimeoutError as error:
                visit.check()
                raise DeadlineError("it was not ready in time") from error

    def first_message(self, sock: socket.socket, deadline: float) -> tuple[dict[str, Any], bytes]:
        """The first message of whoever takes the job that was handed in on this connection.

        Raises `UnavailableError` when nobody takes it in time, with why.
        """
        given_up = time.monotonic() + self._queue_wait
        with FLOOR.aside():
            while True:
                now = time.monotonic()
                try:
                    return wire.receive_message(sock, deadline, queued=min(deadline, now + LOOK))
                except wire.QueuedError:
                    self._check_patience(given_up, deadline)

    def hand_over(self, sock: socket.socket, body: bytes, deadline: float) -> None:
        """Give a body to whoever takes the job that was handed in on this connection.

        Raises `UnavailableError` when nobody takes it in time, with why.
        """
        given_up = time.monotonic() + self._queue_wait
        with FLOOR.aside():
            while not wire.receive_taken(sock, min(deadline, time.monotonic() + LOOK)):
                self._check_patience(given_up, deadline)
            wire.send_message(sock, {}, body, deadline)

    def _ask_one(
        self, job: dict[str, Any], deadline: float, body: bytes | None
    ) -> tuple[dict[str, Any], bytes]:
        with self.handed_in(job, deadline) as sock:
            if body is None:
                return self.first_message(sock, deadline)
            self.hand_over(sock, body, deadline)
            with FLOOR.aside():
                return wire.receive_message(sock, deadline)

    def _check_patience(self, given_up: float, deadline: float) -> None:
        """Raises `UnavailableError` where it makes no sense to wait on; what still loads is waited for."""
        board = self.board()
        if board.failure:
            raise UnavailableError(board.failure, code=f"{self._program.what}_failed", retry_after=30)
        if not board.loaded and time.monotonic() >= deadline:
            raise UnavailableError(
                f"the {self._program.what} is still loading", code="loading", retry_after=5
            )
        if board.loaded and time.monotonic() >= min(given_up, deadline):
            raise UnavailableError("no worker became free in time", code="overloaded", retry_after=2)
