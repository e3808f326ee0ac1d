"""Several equal workers: a job takes a free one, and is done again once if its worker dies."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from service.admission.turns import Turns
from service.errors import DeadlineError, UnavailableError
from service.voices.workers.worker import Program, Worker, WorkerDiedError


class Pool:
    """The workers of one program, which all threads of the service share; each does one job at a time."""

    def __init__(self, program: Program, size: int, *, queue_wait: float) -> None:
        self._program = program
        self._size = size
        self._queue_wait = queue_wait
        self._lock = threading.Lock()
        self._owner = 0
        self._workers: tuple[Worker, ...] = ()
        self._free: Turns[Worker] = Turns(())
        self.retried = 0
        """Jobs done again because a worker died."""

    @property
    def workers(self) -> tuple[Worker, ...]:
        """All handles, busy or not; empty before `start`."""
        return self._workers

    def start(self) -> None:
        """Start every worker process without waiting for it.

        A process that was forked from this one gets workers of its own: two users of one socket would
        read each other's answers.
        """
        with self._lock:
            if self._owner == os.getpid():
                return
            self._workers = tuple(Worker(self._program, self._loads) for _ in range(self._size))
            for worker in self._workers:
                worker.start()
            self._free = Turns(self._workers)
            self._owner = os.getpid()

    def ask(self, job: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """One job's answer by `deadline` (`time.monotonic` seconds).

        Raises `UnavailableError` when no worker became free or two workers died of it, `DeadlineError`.
        """
        self.start()
        try:
            return self._ask_one(job, deadline)
        except WorkerDiedError:
            self.retried += 1
        try:
            return self._ask_one(job, deadline)
        except WorkerDiedError as error:
            raise UnavailableError(
                "the voice crashed on this request", code="voice_crashed", retry_after=1
            ) from error

    def stop(self) -> None:
        """End every worker process; the next job starts them again."""
        with self._lock:
            if self._owner == os.getpid():
                for worker in self._workers:
                    worker.stop()
            self._owner = 0
            self._workers = ()

    def _loads(self) -> bool:
        """Whether the program is known to load here: one of the workers is loaded."""
        return any(worker.greeting for worker in self._workers)

    def _ask_one(self, job: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        worker = self._take(deadline)
        try:
            return worker.ask(job, deadline)
        finally:
            self._free.give(worker)

    def _take(self, deadline: float) -> Worker:
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError("the speech was not ready in time")
        worker = self._free.take(min(left, self._queue_wait))
        if worker is None:
            raise UnavailableError("no worker became free in time", code="overloaded", retry_after=2)
        return worker
