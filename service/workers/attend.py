"""What a worker process does: it takes jobs off the queues that it was started with, one after the other.

Only the standard library is imported, because worker processes must stay small.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.workers import wire

if TYPE_CHECKING:
    Answer = Callable[[socket.socket, dict[str, Any]], None]
    """Answers a job over the socket on which it came."""

SPARE_SECONDS = 2
"""Beyond a job's own time, after which the kernel ends a process that still works on it."""
JOB_WAIT = 10.0
"""Seconds in which a caller must have sent its job."""


def queues(arguments: list[str]) -> tuple[list[socket.socket], socket.socket]:
    """The listening sockets whose descriptors a worker is started with, and the one to whoever keeps it."""
    keeper, *listeners = [socket.socket(fileno=int(word)) for word in arguments[0].split(",")]
    for listener in listeners:
        listener.setblocking(False)
    return listeners, keeper


def attend(arguments: list[str], load: Callable[[], tuple[Answer, dict[str, Any]]]) -> None:
    """Load, say so, and answer jobs until whoever keeps this process is gone.

    `load` returns what answers a job, and what the process says of itself; it raises `RefusedError` where it
    cannot.
    """
    listeners, keeper = queues(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever keeps the workers stops them
    try:
        answer, greeting = load()
    except RefusedError as error:
        wire.send_message(keeper, {"refused": str(error)})
        sys.exit(str(error))
    wire.send_message(keeper, greeting)
    waiting = Waiting(listeners, keeper)
    while True:
        sock = waiting.next_caller()
        if sock is None:
            return
        with sock, contextlib.suppress(wire.ClosedError, TimeoutError, ConnectionError):
            _answer_one(sock, answer)


class RefusedError(Exception):
    """A load that cannot work, with words for callers."""


class Waiting:
    """The wait for whoever calls next; queues are looked into in their order."""

    def __init__(self, listeners: list[socket.socket], keeper: socket.socket) -> None:
        self._listeners = listeners
        self._keeper = keeper
        self._poll: Any
        if hasattr(select, "epoll"):
            self._poll = select.epoll()
            for listener in listeners:  # one call wakes one of the workers that wait
                self._poll.register(listener, select.EPOLLIN | select.EPOLLEXCLUSIVE)
            self._poll.register(keeper, select.EPOLLIN | select.EPOLLHUP)
        else:
            self._poll = select.poll()
            for sock in (*listeners, keeper):
                self._poll.register(sock, select.POLLIN | select.POLLHUP)

    def next_caller(self) -> socket.socket | None:
        """The next connection; None when whoever keeps this process is gone."""
        while True:
            for listener in self._listeners:
                try:
                    sock, _ = listener.accept()
                except (BlockingIOError, ConnectionError):
                    continue  # nobody, or another worker was faster
                sock.setblocking(True)
                return sock
            if any(descriptor == self._keeper.fileno() for descriptor, _ in self._poll.poll()):
                return None


def _answer_one(sock: socket.socket, answer: Answer) -> None:
    job, _ = wire.receive_message(sock, time.monotonic() + JOB_WAIT)
    if wire.is_left(sock):
        return
    signal.setitimer(signal.ITIMER_REAL, job["seconds"] + SPARE_SECONDS)
    try:
        wire.make_room(sock)
        sock.sendall(wire.TAKEN)
        answer(sock, job)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
