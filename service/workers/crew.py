"""The crew of one program: its worker processes, kept alive by one process for all that hand jobs in."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from service.workers import wire

SOURCE = pathlib.Path(__file__).resolve().parents[2]
REST_AFTER_FAILURE = 5.0
"""Seconds for which a worker that could not load is not started again, so that failing stays cheap."""
KILLED_LOADS = 3
"""Loads in a row that a signal may end before the load itself is taken to be what fails."""
BACKLOG = 1024
"""Jobs that may wait; the kernel keeps them in the order in which they came."""
LOGGER = logging.getLogger("service")
MOST_PRINTED = 1 << 16
"""Bytes that are taken at once of what a process prints."""
LONGEST_LINE = 500
"""Characters of a line that it printed."""
TURN = 0.2
"""Seconds after which whoever keeps crews looks after them, if nothing wakes it before."""


@dataclasses.dataclass(frozen=True)
class Program:
    """The program that a worker process runs."""

    module: str
    """A module that runs as a program, with descriptors of sockets and `arguments` as its arguments."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables beside the service's own, such as thread counts."""
    start_wait: float = 60.0
    """Seconds it may take to say that it is ready."""
    patient: bool = False
    """Whether it is started only when the first job comes."""
    what: str = "voice"
    """What callers know it as: a word that messages and codes name it by."""

    @property
    def unloadable(self) -> str:
        """Said of a load that failed without words for the caller, such as those about a missing card."""
        return f"the {self.what} could not be loaded"


@dataclasses.dataclass(frozen=True)
class Board:
    """What the keeper of a crew tells of it."""

    pids: Sequence[int] = ()
    """The processes that are alive."""
    loaded: int = 0
    """Processes that take jobs."""
    restarts: int = 0
    """Processes started again after one died."""
    greeting: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What the last process that loaded said of itself."""
    failure: str = ""
    """Why no process can be loaded; empty otherwise."""


class Member:
    """The place of one worker process, which comes and goes.

    The process is a fresh interpreter (fork and exec), so no lock, thread or library of its keeper
    reaches it.
    """

    def __init__(self, program: Program, listeners: list[socket.socket]) -> None:
        self._program = program
        self._listeners = listeners
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: socket.socket | None = None
        self.greeting: dict[str, Any] = {}
        """What the process said of itself when it was ready; empty before."""
        self.failure = ""
        """Why the last load failed."""
        self.starts = 0
        """How many processes there have been."""
        self._started = 0.0
        self._resting_until = 0.0
        self._killed_loads = 0

    @property
    def keeper(self) -> socket.socket | None:
        """What becomes readable when the process says that it is ready, or is gone."""
        return self._keeper

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        return self._process.pid if self._process else None

    def tend(self, *, loads: bool) -> None:
        """Hear what the process says, and start another one where it is gone.

        `loads` says that the program is known to load here, so that a killed load is not its own fault.
        """
        if self._process is None:
            if time.monotonic() >= self._resting_until:
                self._start()
            return
        assert self._keeper is not None  # noqa: S101 - it comes with the process
        self._listen()
        if not wire.readable([self._keeper]):
            if not self.greeting and time.monotonic() > self._started + self._program.start_wait:
                self._rest(self._program.unloadable)
            return
        try:
            greeting, _ = wire.receive_message(self._keeper, time.monotonic() + 1)
        except (wire.ClosedError, TimeoutError):
            self._bury(loads=loads)
            return
        if "refused" in greeting:
            self._rest(str(greeting["refused"]))
            return
        self.greeting, self.failure, self._killed_loads = greeting, "", 0

    def _listen(self) -> None:
        """Take what the process prints: into the log, as long as no caller's words can be in it."""
        assert self._process is not None  # noqa: S101 - it is asked only while there is one
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        printed = self._process.stdout.read(MOST_PRINTED) or b""
        if self.greeting:
            return
        for line in printed.decode("utf-8", "replace").splitlines():
            if line.strip():
                facts = {"program": self._program.module, "line": line[:LONGEST_LINE]}
                LOGGER.warning("a worker that loads says", extra={"facts": facts})

    def stop(self) -> None:
        """End the process and everything it started."""
        if self._keeper is not None:
            self._keeper.close()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdout is not None:
                self._listen()
                self._process.stdout.close()
        self._process, self._keeper, self.greeting = None, None, {}

    def _start(self) -> None:
        ours, theirs = wire.connect_pair()
        sockets = [theirs, *self._listeners]
        words = ",".join(str(sock.fileno()) for sock in sockets)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._program.module, words, *self._program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[sock.fileno() for sock in sockets],
                env=self._environment(),
                start_new_session=True,
            )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        os.set_blocking(self._process.stdout.fileno(), False)
        self._keeper = ours
        self._started = time.monotonic()
        self.starts += 1

    def _bury(self, *, loads: bool) -> None:
        """The process is gone: make room for the next one, unless its load is what fails."""
        assert self._process is not None  # noqa: S101 - it has just closed its socket
        loaded = bool(self.greeting)
        try:
            by_signal = self._process.wait(timeout=5) < 0
        except subprocess.TimeoutExpired:
            by_signal = False
        if loaded:
            facts = {"program": self._program.module, "code": self._process.returncode}
            LOGGER.warning("a worker ended and is started again", extra={"facts": facts})
            self.stop()
            self._start()
            return
        self._killed_loads += by_signal
        if by_signal and (self._killed_loads < KILLED_LOADS or loads):
            self.stop()
            self._start()
        else:
            self._rest(self._program.unloadable)

    def _rest(self, failure: str) -> None:
        self.stop()
        self.failure = failure
        self._resting_until = time.monotonic() + REST_AFTER_FAILURE

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, **self._program.environment}


class Crew:
    """The worker processes of one program, and the queues from which they take jobs.

    The queues are those of listening sockets: a job is a connection, and a worker that is free accepts
    the next one. So no process stands between those who ask and those who work, and nothing is lost but
    what a process was doing when it died.
    """

    def __init__(self, program: Program, size: int, folder: pathlib.Path, name: str) -> None:
        self._board_file = folder / f"{name}.board"
        self._listeners = [_listen(path) for path in queue_paths(folder, name)]
        self._program = program
        self._size = size
        self._known = Board()
        self.members: tuple[Member, ...] = ()
        """Places of processes; none before the first is wanted."""

    def tend(self) -> list[socket.socket]:
        """Look after every process; the sockets that tell when to do so again."""
        if not self.members:
            if self._program.patient and not wire.readable(self._listeners):
                return self._listeners
            self.members = tuple(Member(self._program, self._listeners) for _ in range(self._size))
        loads = any(member.greeting for member in self.members)
        for member in self.members:
            member.tend(loads=loads)
        self._tell()
        return [member.keeper for member in self.members if member.keeper is not None]

    def release(self) -> None:
        """Keep nothing in this process, which was forked from the one that does."""
        for member in self.members:
            if member.keeper is not None:
                member.keeper.close()

    def stop(self) -> None:
        """End every process, and take no more jobs."""
        for listener in self._listeners:
            listener.close()
        for member in self.members:
            member.stop()

    def _tell(self) -> None:
        loaded = [member for member in self.members if member.greeting]
        failed = [member.failure for member in self.members if member.failure]
        board = Board(
            pids=[member.pid for member in self.members if member.pid is not None],
            loaded=len(loaded),
            restarts=sum(max(0, member.starts - 1) for member in self.members),
            greeting=loaded[-1].greeting if loaded else self._known.greeting if not failed else {},
            failure=failed[0] if failed and not loaded else "",
        )
        if board != self._known:
            fresh = self._board_file.with_suffix(".new")
            fresh.write_text(json.dumps(dataclasses.asdict(board)))
            fresh.replace(self._board_file)
            self._known = board


def queue_paths(folder: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """The sockets at which jobs are handed in: the one that goes first, and the usual one."""
    return folder / f"{name}.first", folder / f"{name}.usual"


def read_board(folder: pathlib.Path, name: str) -> Board:
    """What was told last of a crew; nothing where there is none."""
    try:
        return Board(**json.loads((folder / f"{name}.board").read_text()))
    except (OSError, ValueError):
        return Board()


def _listen(path: pathlib.Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.fspath(path))
    listener.listen(BACKLOG)
    return listener


class Keeping:
    """A thread that keeps crews, for programs that have no other process to do it."""

    def __init__(self, crews: list[Crew]) -> None:
        self._crews = crews
        self._ours, self._theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and all that it keeps."""
        self._theirs.close()
        self._thread.join()
        self._ours.close()
        for crew in self._crews:
            crew.stop()

    def _run(self) -> None:
        while True:
            watched = [sock for crew in self._crews for sock in crew.tend()]
            if self._ours in wire.readable([self._ours, *watched], TURN):
                return
