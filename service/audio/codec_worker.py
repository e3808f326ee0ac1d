"""The program of a codec process: it encodes for all who ask at once, a block for each in turn."""

from __future__ import annotations

import collections
import contextlib
import json
import selectors
import signal
import socket
import struct
import sys
from typing import Any

from service.audio.encoding import Encoding
from service.audio.pcm import Audio
from service.workers import attend, wire

STEP_SECONDS = 20
"""After which the kernel ends the process, should one block take so long."""
MOST_WAITING = 16 << 20
"""Bytes of samples of one caller that wait to be encoded; what is more is left to the kernel."""
_LENGTHS = struct.Struct("!II")


class Caller:
    """One connection: its sounds come in messages, and each is answered by what could be encoded of it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        wire.make_room(sock)
        self.sock = sock
        self._encoding: Encoding | None = None
        self._came = bytearray()
        self._blocks: collections.deque[bytes | None] = collections.deque()
        self._said: list[bytes] = []
        self._out = bytearray(wire.TAKEN)
        self.done = False
        """Whether nothing more is to be done for it."""

    @property
    def works(self) -> bool:
        """Whether a block waits to be encoded."""
        return bool(self._blocks) and not self.done

    def receive(self) -> None:
        """Take what has come. An end of the connection means that the caller has left."""
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.done = True
            return
        self._came += data
        while len(self._came) >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._came)
            end = _LENGTHS.size + head + body
            if len(self._came) < end:
                break
            message = json.loads(bytes(self._came[_LENGTHS.size : _LENGTHS.size + head]))
            self._begin(message, bytes(self._came[_LENGTHS.size + head : end]))
            del self._came[:end]

    def step(self) -> None:
        """Encode one block."""
        block = self._blocks.popleft()
        assert self._encoding is not None  # noqa: S101 - a job comes before its sounds
        if block is not None:
            self._said.append(self._encoding.add(block))
            return
        said, self._said = b"".join(self._said), []
        self._answer({"sample_rate": self._encoding.rate}, said)

    def flush(self) -> bool:
        """Send what can be sent; whether some must wait."""
        with contextlib.suppress(BlockingIOError):
            while self._out:
                try:
                    del self._out[: self.sock.send(self._out)]
                except ConnectionError:
                    self.done = True
                    return False
        return bool(self._out)

    def _begin(self, message: dict[str, Any], body: bytes) -> None:
        if self._encoding is None:
            self._encoding = Encoding(message["format"], rate=message["to"], whole=message["whole"])
            self._answer({}, b"")
        elif "rate" in message:
            self._blocks.extend(self._encoding.blocks(Audio(body, message["rate"])))
            self._blocks.append(None)
        else:
            self._answer({"sample_rate": self._encoding.rate}, self._encoding.end())

    def _answer(self, head: dict[str, Any], body: bytes) -> None:
        coded = json.dumps(head).encode()
        self._out += _LENGTHS.pack(len(coded), len(body)) + coded + body


def serve_codecs(arguments: list[str]) -> None:
    """Encode until whoever keeps this process is gone."""
    listeners, keeper = attend.queues(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever keeps the workers stops them
    wire.send_message(keeper, {"codecs": True})
    poll = selectors.DefaultSelector()
    for listener in (*listeners, keeper):
        poll.register(listener, selectors.EVENT_READ)
    callers: dict[socket.socket, Caller] = {}
    while True:
        busy = any(caller.works for caller in callers.values())
        for key, _ in poll.select(0 if busy else None):
            ready = key.fileobj
            assert isinstance(ready, socket.socket)  # noqa: S101 - nothing else was registered
            if ready is keeper:
                return
            if ready in callers:
                callers[ready].receive()
                continue
            with contextlib.suppress(BlockingIOError, ConnectionError):
                came, _address = ready.accept()
                callers[came] = Caller(came)
                poll.register(came, selectors.EVENT_READ)
        for sock, caller in list(callers.items()):
            if caller.works:
                signal.setitimer(signal.ITIMER_REAL, STEP_SECONDS)
                caller.step()
                signal.setitimer(signal.ITIMER_REAL, 0)
            waits = caller.flush()
            if caller.done:
                poll.unregister(sock)
                callers.pop(sock).sock.close()
            else:
                poll.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if waits else 0))


if __name__ == "__main__":
    serve_codecs(sys.argv[1:])
