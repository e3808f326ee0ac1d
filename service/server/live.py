"""A WebSocket: the loop reads, watches and bounds it, and a thread converses through it.

It takes the place of the connection on which its handshake came. wsproto reads and writes its frames; no
extension is agreed upon, so nothing is compressed.
"""

from __future__ import annotations

import collections
import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Message,
    Ping,
    Pong,
    Request,
    TextMessage,
)
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from service.errors import GoneError
from service.server.head import Head, RefusalError
from service.server.outbox import Outbox
from service.server.watch import SocketWatch
from service.workers.leaving import Visit

if TYPE_CHECKING:
    from service.server.web import Web

RECEIVED_AT_ONCE = 1 << 14
LONGEST_MESSAGE = 1 << 16
"""Bytes of a message, over all its frames: two seconds of sound."""
MOST_FRAMES = 400
"""Frames in a second; sound in pieces of 20 ms makes 50."""
MOST_AHEAD = 1 << 20
"""Bytes of messages that wait to be looked at, half a minute of sound; more is left to the kernel."""
MESSAGE_COST = 64
"""Bytes that a message takes beside what is in it."""
MOST_WAITING = 1 << 18
"""Bytes that answers may be ahead of their caller."""
LEAST_RATE = 8192
"""Bytes a second that a caller must take in the long run."""
LINGER = 2.0
"""Seconds in which a caller must have closed its end."""


class LiveSocket:
    """The WebSocket; `receive`, `send` and `close` belong to threads, the rest to the loop."""

    evictable = False

    def __init__(self, web: Web, sock: socket.socket, head: Head, visit: Visit) -> None:
        """Raises `RefusalError` for what is no handshake."""
        self._web = web
        self.sock = sock
        self.visit = visit
        self._protocol = WSConnection(ConnectionType.SERVER)
        self._handshake = _accepted(self._protocol, head)
        self._lock = threading.Condition()
        self._out = Outbox()
        self._inbox: collections.deque[bytes | str] = collections.deque()
        self._ahead = 0
        self._message: list[bytes | str] = []
        self._length = 0
        self._second, self._frames = 0, 0
        self._watch = SocketWatch(web.loop, sock, self.readable, self.writable)
        self._pinged = False
        self._sending_since = 0.0
        self._closing = self._closed = False
        self.born = time.monotonic()
        self.deadline = self.born + web.settings.idle_wait
        """When the wait for whatever the caller sends is over."""

    # What the loop calls

    def begin(self, ahead: bytes) -> None:
        """Answer the handshake, and watch the socket; some bytes may have come already."""
        self._out.add([self._handshake])
        self._flush()
        self._watch.ask(reading=True)
        if ahead:
            self._take(ahead)

    def readable(self) -> None:
        """Take what has come."""
        try:
            data = self.sock.recv(RECEIVED_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        self._take(data)

    def writable(self) -> None:
        """Send what waits."""
        self._flush()

    def expired(self) -> None:
        """Nothing has come for a while: ask whether the caller is there, and then give it up."""
        if self._closing or self._pinged or time.monotonic() > self.born + self._web.longest_connection:
            self.drop()
            return
        self._pinged = True
        self.deadline = time.monotonic() + self._web.idle_wait
        self._say(Ping())

    def drain(self, now: float) -> None:
        """The process is about to end; whoever converses sees so, and says so between two turns."""

    def too_slow(self, now: float) -> bool:
        """Whether the caller takes its answers so slowly that it holds them for ever."""
        if not self._sending_since:
            return False
        return now - self._sending_since > self._web.settings.send_wait + self._out.sent / LEAST_RATE

    def drop(self) -> None:
        """Close the connection, whatever it was doing."""
        if self._closed:
            return
        self._watch.ask(reading=False, writing=False)
        with self._lock:
            self._closed = True
            self._inbox.clear()
            self._out.clear()
            self._lock.notify_all()
        self._web.forget(self)
        self.sock.close()
        self.visit.leave()

    # What threads call

    @property
    def draining(self) -> bool:
        """Whether the process is about to end."""
        return self._web.draining

    def receive(self, seconds: float) -> bytes | str | None:
        """The next message; None where none comes in that time. Raises `GoneError`."""
        with self._lock:
            self._lock.wait_for(lambda: self._inbox or self._closed or self._closing, seconds)
            if not self._inbox:
                if self._closed or self._closing:
                    raise GoneError
                return None
            message = self._inbox.popleft()
            self._ahead -= len(message) + MESSAGE_COST
            resume = not self._watch.reading and self._ahead < MOST_AHEAD // 2
        if resume:
            self._web.call(self._resume)
        return message

    def send(self, event: Mapping[str, Any]) -> None:
        """Send an event as JSON; waits while the caller is far behind. Raises `GoneError`."""
        self._say(TextMessage(json.dumps(event)), from_thread=True)
        with self._lock:
            self._lock.wait_for(lambda: self._out.waiting <= MOST_WAITING or self._closed)
            if self._closed:
                raise GoneError

    def close(self, code: int, reason: str) -> None:
        """Say why it ends, and end it; one that has ended already is left alone."""
        self._web.call(lambda: self._close(code, reason))

    # Inside

    def _resume(self) -> None:
        """Read on, after so much was read that it had to wait."""
        self._wait_on()
        self._watch.ask(reading=True)

    def _wait_on(self) -> None:
        self._pinged = False
        end = self.born + self._web.longest_connection
        self.deadline = min(time.monotonic() + self._web.idle_wait, end)

    def _take(self, data: bytes) -> None:
        self._wait_on()
        try:
            with self._lock:
                self._protocol.receive_data(data)
            for event in self._protocol.events():
                if self._closing:
                    return
                self._take_event(event)
        except RemoteProtocolError as error:
            hint = error.event_hint
            self._close(getattr(hint, "code", None) or 1002, "this is no WebSocket frame")

    def _take_event(self, event: Any) -> None:
        self._count()
        if isinstance(event, Message):
            self._take_part(event)
        elif isinstance(event, Ping):
            self._say(event.response())
        elif isinstance(event, CloseConnection):
            self._closing = True
            self._say(event.response())
            self._end_soon()
        else:
            assert isinstance(event, Pong)  # noqa: S101 - there are no others

    def _count(self) -> None:
        second = int(time.monotonic())
        self._frames = self._frames + 1 if second == self._second else 1
        self._second = second
        if self._frames > MOST_FRAMES:
            self._close(1008, f"more than {MOST_FRAMES} frames in a second")

    def _take_part(self, event: Message[Any]) -> None:
        self._length += len(event.data)
        if self._length > LONGEST_MESSAGE:
            self._close(1009, f"a message has at most {LONGEST_MESSAGE} bytes")
            return
        if event.data:
            self._message.append(event.data)
        if not event.message_finished:
            return
        empty: Any = "" if isinstance(event, TextMessage) else b""
        message = empty.join(map(type(empty), self._message))
        self._message, self._length = [], 0
        with self._lock:
            self._inbox.append(message)
            self._ahead += len(message) + MESSAGE_COST
            full = self._ahead > MOST_AHEAD
            self._lock.notify_all()
        if full:
            self._watch.ask(reading=False)
            self.deadline = float("inf")  # it is not the caller who is waited for

    def _close(self, code: int, reason: str) -> None:
        if self._closing or self._closed:
            return
        self._closing = True
        self._say(CloseConnection(code, reason))
        self._end_soon()

    def _end_soon(self) -> None:
        """All was said: wait a moment for the caller to have read it."""
        self.deadline = time.monotonic() + LINGER
        with self._lock:
            self._inbox.clear()
            self._lock.notify_all()
        self.visit.leave()
        self._watch.ask(reading=True)

    def _say(self, event: Any, *, from_thread: bool = False) -> None:
        with self._lock:
            if self._closed:
                return
            with contextlib.suppress(LocalProtocolError):  # the caller has just closed it
                self._out.add([self._protocol.send(event)])
        if from_thread:
            self._web.call(self._flush)
        else:
            self._flush()

    def _flush(self) -> None:
        """Send what the socket takes, and watch it for the rest."""
        if self._closed:
            return
        try:
            with self._lock:
                done = self._out.flush(self.sock)
                if done:
                    self._sending_since = 0.0
                elif not self._sending_since:
                    self._sending_since, self._out.sent = time.monotonic(), 0
                self._lock.notify_all()
        except OSError:
            self.drop()
            return
        self._watch.ask(writing=not done)


def _accepted(protocol: WSConnection, head: Head) -> bytes:
    """What agrees to a handshake. Raises `RefusalError` for what is none."""
    try:
        protocol.initiate_upgrade_connection(list(head.headers), head.target)
        (request,) = protocol.events()
        assert isinstance(request, Request)  # noqa: S101 - the only event of a handshake
        return bytes(protocol.send(AcceptConnection()))
    except (RemoteProtocolError, UnicodeError) as error:
        raise RefusalError(400, "this is no handshake of a WebSocket, version 13", "bad_handshake") from error
