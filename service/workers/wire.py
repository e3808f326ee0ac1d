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


def _read(sock: socket.socket, length: int, deadline: float | None) -> bytes:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        _wait_no_longer_than(sock, deadline)
        try:
            count = sock.recv_into(view)
        except socket.timeout as error:  # noqa: UP041 - not yet the same as TimeoutError in Python 3.9
            raise TimeoutError from error
        except ConnectionResetError as error:
            raise ClosedError from error
        if count == 0:
            raise ClosedError
        view = view[count:]
    return bytes(buffer)


def _wait_no_longer_than(sock: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        sock.settimeout(None)
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)
