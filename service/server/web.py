"""A web process: one thread for all sockets, and threads that answer requests which have come whole."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import http
import importlib.util
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask

from service.admission.ledger import Lease, Ledger
from service.errors import BusyError, ServiceError
from service.http.answers import (
    OPEN_PATHS,
    is_ready,
    new_request_id,
    repeatable_answer,
    request_id_of,
)
from service.http.body import UPLOADS
from service.http.context import KEY, Context
from service.http.live import note_caller
from service.http.logs import LOGGER
from service.http.refusal import refusal_body, refusal_headers
from service.server.connection import Connection
from service.server.head import Head, wsgi_environ
from service.server.heap import give_back_memory
from service.server.recall import Recall
from service.settings.environment import Settings
from service.workers.floor import FLOOR
from service.workers.leaving import working_for
from service.workers.turns import Rank

if TYPE_CHECKING:
    from service.server.live import LiveSocket

SMALL_BODY = 1024
"""Bytes of a request that is cheap to read: it goes before those that cost fifty times as much."""
SPARE_THREADS = 8
"""Threads beyond those that speak, so that refusals are told while all others wait."""
QUICK_THREADS = 2
"""Threads for what waits for nothing, and as many for probes alone."""
TRIM = 10.0
"""Seconds after which memory that is free is given back, so that other processes can have it."""
SWEEP = 0.25
"""Seconds between two looks at the connections whose time may be over."""
LINGER = 0.5
"""Seconds after SIGTERM in which clients that have just connected are still let in."""
LAST_IDLE = 2.0
"""Seconds that a connection may be silent while the process waits to end."""
LONGEST_CONNECTION = 900.0
"""Seconds after which a connection is closed behind an answer, so that clients spread anew."""
AT_ONCE = 16
"""Connections that are accepted before anything else is looked at."""
HEALTHY = b'{"status":"ok"}\n'
UNEVEN = 2
"""Connections that a process may have more than another one before it lets that go first."""
HAS_WEBSOCKETS = importlib.util.find_spec("wsproto") is not None
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Web:
    """One web process; everything here but `work` and `call` belongs to its loop."""

    longest_connection = LONGEST_CONNECTION

    def __init__(self, app: Flask, listener: socket.socket, ledger: Ledger) -> None:
        context: Context = app.extensions[KEY]
        self.settings: Settings = context.settings
        self.measures = context.metrics
        self.recall = Recall(context)
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.draining = False
        self._app = app
        self._listener = listener
        self._ledger = ledger
        self._connections: dict[Connection | LiveSocket, None] = {}
        self._accepting = self._yielded = False
        self._complained = 0.0
        self._end = asyncio.Event()
        self._lock = threading.Lock()
        self._underway = 0
        self._trimmed = time.monotonic()
        self._speaking = _threads((self.settings.admitted or 0) + SPARE_THREADS, "speaking")
        self._quick = _threads(QUICK_THREADS, "quick")
        self._probes = _threads(QUICK_THREADS, "probes")
        self._live = _threads(max(1, self.settings.live or 0), "live")
        self._conversing = 0
        name = listener.getsockname()
        self._here = (str(name[0]), int(name[1]))

    @property
    def idle_wait(self) -> float:
        """Seconds that a connection may be silent between two requests."""
        return LAST_IDLE if self.draining else self.settings.idle_wait

    def serve(self, lifeline: int) -> None:
        """Answer until SIGTERM comes, or whoever holds the other end of the lifeline is gone."""
        self.loop.add_signal_handler(signal.SIGTERM, self.drain)
        self.loop.add_reader(lifeline, os._exit, 1)
        self.run()

    def run(self) -> None:
        """Answer until the process has drained."""
        self.loop.set_exception_handler(_log_loop_error)
        self._accept_more()
        self._sweep()
        self.loop.run_until_complete(self._end.wait())
        for connection in list(self._connections):
            connection.drop()
        for threads in (self._speaking, self._quick, self._probes, self._live):
            threads.shutdown(wait=False)
        self.loop.close()

    # For threads

    def call(self, something: Callable[[], None]) -> None:
        """Have the loop do something soon."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.loop.call_soon_threadsafe(something)

    def work(self, connection: Connection, head: Head, body: bytes) -> None:
        """Have a thread answer a request that has come whole."""
        if head.path == "/healthz" and head.method == "GET":
            self._say_healthy(connection, head)
            return
        if head.wants_websocket and HAS_WEBSOCKETS:
            self._converse_in_turn(connection, head)
        elif head.path in OPEN_PATHS:
            self._probes.submit(self._answer, connection, head, body)
        elif head.method != "POST":
            self._quick.submit(self._answer, connection, head, body)
        elif self._admit():
            self._speaking.submit(self._speak, connection, head, body)
        else:
            # Nobody waits for a thread only to be told that there is no room.
            connection.refuse(BusyError("too many requests at once; try again", retry_after=1))

    def _converse_in_turn(self, connection: Connection, head: Head) -> None:
        """Have a thread converse, of the few that there are for it."""
        with self._lock:
            admitted = self._conversing < (self.settings.live or 0)
            self._conversing += admitted
        if admitted:
            self._live.submit(self._converse, connection, head)
        else:
            connection.refuse(BusyError("too many conversations at once; try again", retry_after=5))

    def _say_healthy(self, connection: Connection, head: Head) -> None:
        """The loop lives, and says so itself: this is asked most when nothing else works."""
        began = time.monotonic()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(HEALTHY))),
            ("X-Request-ID", request_id_of(head.value(b"x-request-id"))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        with contextlib.suppress(ConnectionError):
            connection.answer(200, headers, iter([HEALTHY]), lambda: None, ready=True)
        self.measures.answered(head.path, 200, time.monotonic() - began)

    def longest_body(self, path: str) -> int:
        """Bytes that the body of a request for a path may have."""
        return self.settings.max_upload if path in UPLOADS else self.settings.max_body

    def reserve(self, size: int) -> Lease:
        """Room for a body that is still to come. Raises `ServiceError` where there is none."""
        return self._ledger.reserve(size)

    def refusal(self, refusal: ServiceError, path: str, request_id: str) -> bytes:
        """The whole answer of the server itself to what is no request, or none that it takes."""
        return refusal_bytes(refusal, path, request_id)

    def replace(self, connection: Connection, live: LiveSocket) -> None:
        """A connection goes on as a WebSocket."""
        self._connections.pop(connection, None)
        self._connections[live] = None

    def forget(self, connection: Connection | LiveSocket) -> None:
        """A connection is closed."""
        self._connections.pop(connection, None)
        self._ledger.count_connections(len(self._connections) + 1)

    def _admit(self) -> bool:
        """Whether one more request for speech may wait for a thread."""
        with self._lock:
            admitted = self._underway < 2 * (self.settings.admitted or 0) + SPARE_THREADS
            self._underway += admitted
            return admitted

    def _speak(self, connection: Connection, head: Head, body: bytes) -> None:
        try:
            self._answer(connection, head, body)
        finally:
            with self._lock:
                self._underway -= 1

    def _converse(self, connection: Connection, head: Head) -> None:
        """Call the application with a caller who may become live, in a thread."""
        caller = LiveCaller(connection)
        try:
            self._answer(connection, head, b"", caller)
        finally:
            caller.end()
            with self._lock:
                self._conversing -= 1

    def _answer(
        self, connection: Connection, head: Head, body: bytes, caller: LiveCaller | None = None
    ) -> None:
        """Call the application, in a thread; whatever goes wrong, the thread lives on."""
        environ = wsgi_environ(head, body, self._here, connection.client, processes=self.settings.web)
        visit = connection.visit
        if visit is None:
            return
        told: list[Any] = []
        if caller is not None:
            note_caller(environ, caller)

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            told[:] = [int(status.split(" ", 1)[0]), headers]

        try:
            with working_for(visit), FLOOR.shared():
                if caller is None:  # whoever converses computes little, and waits nearly always
                    FLOOR.take(Rank.USUAL if len(body) <= SMALL_BODY else Rank.LAST)
                result = self._app(environ, start_response)  # type: ignore[arg-type]
                if caller is not None and caller.live is not None:
                    return  # all was said
                connection.noted = repeatable_answer(environ)
                close = getattr(result, "close", lambda: None)
                connection.answer(told[0], told[1], iter(result), close, ready=is_ready(environ))
        except ConnectionError:
            return  # the client is gone, or was told by the end of its connection
        except Exception as error:  # noqa: BLE001 - a thread that dies is missing
            LOGGER.error("internal error", exc_info=error)
            self.call(connection.drop)

    # Inside the loop

    def _accept_more(self) -> None:
        if not self._accepting and self._listener.fileno() >= 0:
            self._accepting = True
            self.loop.add_reader(self._listener, self._accept)

    def _accept_later(self, seconds: float) -> None:
        self.loop.remove_reader(self._listener)
        self._accepting = False
        self.loop.call_later(seconds, self._accept_more)

    def _accept(self) -> None:
        if not self._yielded and self._has_more_than_others():
            self._yielded = True  # once: another process may be unable to
            self._accept_later(0.005)
            return
        self._yielded = False
        for number in range(AT_ONCE):
            if number and self._has_more_than_others():
                break
            if not self._accept_one():
                break
        self._ledger.count_connections(len(self._connections) + 1)

    def _accept_one(self) -> bool:
        """Accept a connection; whether another one may wait."""
        if len(self._connections) >= self.settings.connections and not self._evict():
            self._accept_later(0.05)
            return False
        try:
            sock, address = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return False  # another process was faster, or the client is gone
        except OSError as error:
            if self.draining and error.errno not in NO_ROOM:
                self._close_the_door()  # somebody else has closed it for all
                return False
            if error.errno in NO_ROOM:
                self._complain(error)
                self._evict()
            self._accept_later(0.1)
            return False
        sock.setblocking(False)
        connection = Connection(self, sock, address)
        self._connections[connection] = None
        connection.begin()
        connection.readable()  # one whose request is there already is answered, and cannot be evicted
        return True

    def _has_more_than_others(self) -> bool:
        others = [count for count in self._ledger.connections() if count]
        return len(others) > 1 and len(self._connections) + 1 > min(others) + UNEVEN

    def _evict(self) -> bool:
        """Close the connection that has waited the longest for a request; false where all are answered."""
        for connection in self._connections:
            if connection.evictable:
                connection.drop()
                return True
        return False

    def _complain(self, error: OSError) -> None:
        if time.monotonic() - self._complained > 10:
            self._complained = time.monotonic()
            LOGGER.warning("no more connections can be taken", extra={"facts": {"reason": error.strerror}})

    def _sweep(self) -> None:
        """Look after every connection whose time is over."""
        now = time.monotonic()
        for connection in list(self._connections):
            if now > connection.deadline:
                connection.expired()
            elif connection.too_slow(now):
                connection.drop()
        self._ledger.beat(now)
        if now - self._trimmed > TRIM:
            self._trimmed = now
            self._quick.submit(give_back_memory)
        if self.draining and not self._connections and not self._accepting:
            self._end.set()
        self.loop.call_later(SWEEP, self._sweep)

    def drain(self) -> None:
        """Let all requests end; who is connected may ask once more, and is told that it was the last time."""
        if self.draining:
            return
        self.draining = True
        now = time.monotonic()
        for connection in self._connections:
            connection.drain(now)
        self.loop.call_later(LINGER, self._close_the_door)
        self.loop.call_later(self.settings.drain, self._end.set)

    def _close_the_door(self) -> None:
        """Accept nothing any more; others that have the same socket still may."""
        if self._listener.fileno() < 0:
            return
        if self._accepting:
            self.loop.remove_reader(self._listener)
        self._accepting = False
        self._listener.close()


class LiveCaller:
    """Whoever asks for a WebSocket; it is one from the moment when the application accepts it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.live: LiveSocket | None = None
        """The WebSocket; None before it is accepted."""

    @property
    def draining(self) -> bool:
        return self._accepted.draining

    def accept(self) -> None:
        self.live = self._connection.become_live()

    def receive(self, seconds: float) -> bytes | str | None:
        return self._accepted.receive(seconds)

    def send(self, event: Mapping[str, Any]) -> None:
        self._accepted.send(event)

    def close(self, code: int, reason: str) -> None:
        self._accepted.close(code, reason)

    def end(self) -> None:
        """Whatever conversed is done: nobody is left waiting."""
        if self.live is not None:
            self.live.close(1011, "the conversation ended")

    @property
    def _accepted(self) -> LiveSocket:
        assert self.live is not None  # noqa: S101 - it was accepted before
        return self.live


def refusal_bytes(refusal: ServiceError, path: str, request_id: str) -> bytes:
    """A whole answer that refuses, after which the connection is closed."""
    body = json.dumps(refusal_body(path, refusal, request_id)).encode() + b"\n"
    phrase = "Refused"
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id or new_request_id(),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Connection": "close",
        **refusal_headers(refusal),
    }
    with contextlib.suppress(ValueError):
        phrase = http.HTTPStatus(refusal.status).phrase
    lines = [f"HTTP/1.1 {refusal.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _threads(count: int, name: str) -> concurrent.futures.ThreadPoolExecutor:
    return concurrent.futures.ThreadPoolExecutor(count, name)


def _log_loop_error(_: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
    LOGGER.error("internal error", exc_info=told.get("exception"))
