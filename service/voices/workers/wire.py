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
    """The other end of the socket is gone."""


def send_message(
    sock: socket.socket, head: dict[str, Any], body: bytes = b"", deadline: float | None = None
) -> None:
    """Send one message. Raises as `receive_message` does."""
    coded = json.dumps(head).encode()
    _wait_no_longer_than(sock, socket.SO_SNDTIMEO, deadline)
    try:
        sock.sendall(_LENGTHS.pack(len(coded), len(body)) + coded + body)
    except BlockingIOError as error:
        raise TimeoutError from error
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive_message(sock: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """Wait for one message until `deadline` (`time.monotonic` seconds), or for ever.

    Raises `ClosedError` when the other end is gone, `TimeoutError` when the deadline passed.
    """
    lengths = bytearray(_LENGTHS.size)
    _read(sock, [lengths], deadline)
    head, body = map(bytearray, _LENGTHS.unpack(lengths))
    _read(sock, [head, body], deadline)
    return json.loads(head), bytes(body)


def connect_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets with room for the sound of a sentence.

    Without the room, its reader would wake for every few kilobytes while its writer waits.
    """
    ends = socket.socketpair()
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return ends


def _read(sock: socket.socket, buffers: list[bytearray], deadline: float | None) -> None:
    """Fill the buffers. The kernel collects the bytes, because each wake-up costs more than the copying."""
    views = [memoryview(buffer) for buffer in buffers]
    while any(views):
        _wait_no_longer_than(sock, socket.SO_RCVTIMEO, deadline)
        try:
            count = sock.recvmsg_into(views, 0, socket.MSG_WAITALL)[0]
        except BlockingIOError as error:
            raise TimeoutError from error
        except ConnectionResetError as error:
            raise ClosedError from error
        if count == 0:
            raise ClosedError
        for number, view in enumerate(views):
            views[number] = view[count:]
            count -= min(count, len(view))


def _wait_no_longer_than(sock: socket.socket, option: int, deadline: float | None) -> None:
    """Bound the next call by the kernel: Python's own time-outs would let go of the interpreter each time.

    Whoever lets go of it waits for it again, in a busy service for as long as a sentence takes.
    """
    left = 0.0 if deadline is None else deadline - time.monotonic()
    if deadline is not None and left <= 0:
        raise TimeoutError
    # A zero would wait for ever, which is what no deadline means.
    wait = struct.pack("@ll", int(left), int(left % 1 * 1e6) or (deadline is not None))
    sock.setsockopt(socket.SOL_SOCKET, option, wait)
