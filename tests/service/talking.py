"""A client of live conversations, as wsproto has it, over a plain socket."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)


class Talker:
    """One conversation."""

    def __init__(self, port: int, path: str = "/v1/dialogue", **headers: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self._ws = WSConnection(ConnectionType.CLIENT)
        self.closed: int | None = None
        """The code with which the service closed it; 0 for an end without one."""
        self.status = 0
        self.refusal: dict[str, Any] = {}
        """What was said where the handshake was answered otherwise."""
        self.pongs = self.pings = 0
        self.answers_pings = True
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.raw(self._ws.send(Request(host=f"127.0.0.1:{port}", target=path, extra_headers=extra)))
        self._events: list[dict[str, Any]] = []
        self._partial = ""
        self._refused = b""
        until = time.monotonic() + 20
        while self.closed is None and self.status != 101 and time.monotonic() < until:
            self._receive(20)

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def frame(self, event: Event) -> None:
        self.raw(self._ws.send(event))

    def say(self, pcm: bytes, size: int = 3200) -> None:
        """Samples, a tenth of a second a message."""
        for place in range(0, len(pcm), size):
            self.frame(BytesMessage(pcm[place : place + size]))

    def tell(self, **word: Any) -> None:
        self.frame(TextMessage(json.dumps(word)))

    def events(self, seconds: float = 20.0) -> Iterator[dict[str, Any]]:
        """What the service says, until it closes or the time is over."""
        until = time.monotonic() + seconds
        while True:
            while self._events:
                yield self._events.pop(0)
            if self.closed is not None or time.monotonic() > until:
                return
            self._receive(max(0.01, until - time.monotonic()))

    def until(self, kind: str, seconds: float = 20.0) -> list[dict[str, Any]]:
        """All that the service says up to an event of a kind; fails where that does not come."""
        found = []
        for event in self.events(seconds):
            found.append(event)
            if event["type"] == kind:
                return found
        raise AssertionError(f"no {kind} in {seconds} s; closed {self.closed}: {found}")

    def wait_for_end(self, seconds: float) -> float:
        """Seconds up to the end of the connection."""
        began = time.monotonic()
        for _ in self.events(seconds):
            pass
        assert self.closed is not None, "it is still open"
        return time.monotonic() - began

    def close(self) -> None:
        self.sock.close()

    def _receive(self, seconds: float) -> None:
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.closed = self.closed or 0
            return
        self._ws.receive_data(data)
        for event in self._ws.events():
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, AcceptConnection):
            self.status = 101
        elif isinstance(event, RejectConnection):
            self.status = event.status_code
        elif isinstance(event, RejectData):
            self._refused += bytes(event.data)
            if event.body_finished:
                self.refusal = json.loads(self._refused)
                self.closed = 0
        elif isinstance(event, TextMessage):
            self._partial += event.data
            if event.message_finished:
                self._events.append(json.loads(self._partial))
                self._partial = ""
        elif isinstance(event, Ping):
            self.pings += 1
            if self.answers_pings:
                self.frame(event.response())
        elif isinstance(event, CloseConnection):
            self.closed = int(event.code)
            with contextlib.suppress(OSError):
                self.frame(event.response())
        else:
            self.pongs += 1


@contextlib.contextmanager
def talking(port: int, path: str = "/v1/dialogue", **headers: str) -> Iterator[Talker]:
    """A conversation for the length of the block."""
    talker = Talker(port, path, **headers)
    try:
        yield talker
    finally:
        talker.close()
