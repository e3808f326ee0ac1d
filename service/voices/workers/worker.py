"""One worker process, seen from the service: start it, ask it, replace it when it dies."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from service.errors import DeadlineError, UnavailableError
from service.voices.workers import wire

SOURCE = pathlib.Path(__file__).resolve().parents[3]
REST_AFTER_FAILURE = 5.0
"""Seconds for which a worker that could not load is not started again, so that failing stays cheap."""
KILLED_LOADS = 3
"""Loads in a row that a signal may end before the load itself is taken to be what fails."""


UNLOADABLE = "the voice could not be loaded"
"""Said of a load that failed without words for the caller, such as those about a card that is not there."""


class WorkerDiedError(Exception):
    """A worker's process ended before it answered."""


@dataclasses.dataclass(frozen=True)
class Program:
    """The program that a worker process runs."""

    module: str
    """A module that runs as a program, with the socket's descriptor and `arguments` as its arguments."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables beside the service's own, such as thread counts."""
    start_wait: float = 60.0
    """Seconds it may take to say that it is ready."""


class Worker:
    """The handle of one worker process; one thread uses it at a time, and the process comes and goes.

    The process is a fresh interpreter (fork and exec), so it is safe to start from any thread, and no lock,
    thread or library of the service reaches it.
    """

    def __init__(self, program: Program, loads: Callable[[], bool] = lambda: False) -> None:
        self._program = program
        self._loads = loads
        """Whether the program is known to load here, so that a killed load is not its own fault."""
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._greeting: dict[str, Any] | None = None
        self._started = 0.0
        self._resting_until = 0.0
        self._killed_loads = 0
        self._refusal = UNLOADABLE
        self.starts = 0
        """How many processes this handle has had."""

    @property
    def greeting(self) -> dict[str, Any]:
        """What the process said of itself when it was ready; empty before."""
        return self._greeting or {}

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Have a process, without waiting until it is ready.

        Raises `UnavailableError` while a process that failed to load is not to be tried again yet.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self.stop()
        if time.monotonic() < self._resting_until:
            raise UnavailableError(self._refusal, code="voice_failed", retry_after=30)
        ours, theirs = wire.connect_pair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program.module, str(theirs.fileno()), *self._program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__,  # what a library prints belongs to the log
                pass_fds=[theirs.fileno()],
                env=self._environment(),
                start_new_session=True,
            )
        self._socket = ours
        self._started = time.monotonic()
        self.starts += 1

    def ask(self, job: dict[str, Any], deadline: float) -> tuple[dict[str, Any], bytes]:
        """The process's answer to a job.

        Raises `WorkerDiedError`, `DeadlineError` (the process is stopped then), or `UnavailableError`
        when its voice is not loaded by the deadline or cannot be loaded.
        """
        self.start()
        self._await_greeting(deadline)
        assert self._socket is not None  # noqa: S101 - start() made it
        try:
            wire.send_message(self._socket, job, deadline=deadline)
            return wire.receive_message(self._socket, deadline)
        except wire.ClosedError as error:
            self.stop()
            raise WorkerDiedError from error
        except TimeoutError as error:
            self.stop()
            raise DeadlineError("the speech was not ready in time") from error

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = self._socket = self._greeting = None

    def _await_greeting(self, deadline: float) -> None:
        if self._greeting is not None:
            return
        assert self._socket is not None  # noqa: S101 - start() made it
        given_up = self._started + self._program.start_wait
        try:
            greeting, _ = wire.receive_message(self._socket, min(deadline, given_up))
        except TimeoutError as error:
            if time.monotonic() >= given_up:
                self._rest()
            raise UnavailableError("the voice is still loading", code="loading", retry_after=5) from error
        except wire.ClosedError as error:
            if self._was_killed():
                self.stop()
                raise WorkerDiedError from error
            self._rest()
            raise UnavailableError(self._refusal, code="voice_failed", retry_after=30) from error
        if "refused" in greeting:
            self._refusal = str(greeting["refused"])
            self._rest()
            raise UnavailableError(self._refusal, code="voice_failed", retry_after=30)
        self._refusal = UNLOADABLE
        self._greeting = greeting
        self._killed_loads = 0

    def _was_killed(self) -> bool:
        """Whether a signal ended the load, and not yet so often that the load must be to blame."""
        assert self._process is not None  # noqa: S101 - it has just closed its socket
        try:
            by_signal = self._process.wait(timeout=5) < 0
        except subprocess.TimeoutExpired:
            return False
        self._killed_loads += by_signal
        return by_signal and (self._killed_loads < KILLED_LOADS or self._loads())

    def _rest(self) -> None:
        self.stop()
        self._resting_until = time.monotonic() + REST_AFTER_FAILURE

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, **self._program.environment}
