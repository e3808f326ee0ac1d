"""Messages between the service and its workers: a JSON head and a body of bytes over a stream socket.

A message is two big-endian 32-bit lengths, the head as UTF-8 JSON, then the body as it is. Only the
standard library is imported, because worker processes must stay small.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

_LENGTHS = struct.Struct("!II")
ROOM = 1 << 20
"""Bytes that may be on their way; the kernel gives less where its own bound is lower."""


class ClosedError(Exception):
    """The other end is gone."""


def send(sock: socket.socket, head: dict[str, Any], body: bytes = b"") -> None:
    """Send one message. Raises `ClosedError` when nobody is there to read it."""
    coded = json.dumps(head).encode()
    try:
        sock.sendall(_LENGTHS.pack(len(coded), len(body)) + coded + body)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive(sock: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Wait for one message until `deadline` (`time.monotonic` seconds), or for ever.

    Raises `ClosedError` when the other end is gone, `TimeoutError` when the deadline passed.
    """
    head_length, body_length = _LENGTHS.unpack(_read(sock, _LENGTHS.size, deadline))
    head: dict[str, Any] = json.loads(_read(sock, head_length, deadline))
    return head, _read(sock, body_length, deadline)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets with room for the sound of a sentence.

    Without the room, its reader would wake for every few kilobytes while its writer waits.
    """
    ends = socket.socketpair()
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return ends


def _read(sock: socket.socket, length: int, deadline: float | None) -> bytes:
    """So many bytes. The kernel collects them, because each wake-up costs more than the copying."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    sock.settimeout(None)
    while view:
        _wait_no_longer_than(sock, deadline)
        try:
            count = sock.recv_into(view, 0, socket.MSG_WAITALL)
        except BlockingIOError as error:
            raise TimeoutError from error
        except ConnectionResetError as error:
            raise ClosedError from error
        if count == 0:
            raise ClosedError
        view = view[count:]
    return bytes(buffer)


def _wait_no_longer_than(sock: socket.socket, deadline: float | None) -> None:
    left = 0.0 if deadline is None else deadline - time.monotonic()
    if deadline is not None and left <= 0:
        raise TimeoutError
    # A zero would wait for ever, which is what no deadline means.
    wait = struct.pack("@ll", int(left), int(left % 1 * 1e6) or (deadline is not None))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
