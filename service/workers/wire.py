"""Messages between the service and its workers: a JSON head and a body of bytes over a stream socket.

A message is two big-endian 32-bit lengths, the head as UTF-8 JSON, then the body as it is. Only the
standard library is imported, because worker processes must stay small.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

_LENGTHS = struct.Struct("!II")
TAKEN = b"\1"
"""What a worker sends first, when it takes a job off the queue."""
ROOM = 1 << 20
"""Bytes that may be on their way; the kernel gives less where its own bound is lower."""


class ClosedError(Exception):
    """The other end of the socket is gone."""


class QueuedError(Exception):
    """No worker has taken the job yet."""


def send_message(
    sock: socket.socket, head: dict[str, Any], body: bytes = b"", deadline: float | None = None
) -> None:
    """Send one message. Raises as `receive_message` does."""
    coded = json.dumps(head).encode()
    _wait_no_longer_than(sock, socket.SO_SNDTIMEO, deadline)
    try:
        _write(sock, [memoryview(_LENGTHS.pack(len(coded), len(body)) + coded), memoryview(body)])
    except BlockingIOError as error:
        raise TimeoutError from error
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ClosedError from error


def receive_message(
    sock: socket.socket, deadline: float | None = None, *, queued: float | None = None
) -> tuple[dict[str, Any], bytes]:
    """Wait for one message until `deadline` (`time.monotonic` seconds), or for ever.

    With `queued`, `TAKEN` comes first, and must have come by that time. Raises `ClosedError` when the
    other end is gone, `TimeoutError` when the deadline passed, `QueuedError` when nobody has taken the
    job.
    """
    lengths = bytearray(_LENGTHS.size)
    begin: list[bytearray] = [lengths]
    if queued is not None:
        begin.insert(0, bytearray(len(TAKEN)))
        # One read for both, so that the thread wakes once: the kernel collects the bytes.
        if not _read(sock, begin, min(queued, deadline or queued), once=True):
            raise QueuedError
    _read(sock, begin, deadline)
    head, body = map(bytearray, _LENGTHS.unpack(lengths))
    _read(sock, [head, body], deadline)
    return json.loads(head), bytes(body)


def receive_taken(sock: socket.socket, until: float) -> bool:
    """Whether `TAKEN` came by that time (`time.monotonic` seconds). Raises `ClosedError`."""
    try:
        _read(sock, [bytearray(len(TAKEN))], until)
    except TimeoutError:
        return False
    return True


def connect_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets."""
    return socket.socketpair()


def make_room(sock: socket.socket) -> None:
    """Let a whole sentence's sound be on its way; without, its reader would wake for every few kilobytes."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)


def readable(socks: Sequence[socket.socket], seconds: float = 0.0) -> list[socket.socket]:
    """Those on which something has come, or whose other end is gone, within so many seconds."""
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLIN | select.POLLHUP)
    ready = {descriptor for descriptor, _ in poll.poll(1000 * seconds)}
    return [sock for sock in socks if sock.fileno() in ready]


def is_left(sock: socket.socket) -> bool:
    """Whether the other end of a socket, which is to send nothing now, is gone."""
    return bool(readable([sock]))


def _write(sock: socket.socket, views: list[memoryview]) -> None:
    """Send the views without copying them together."""
    while any(views):
        count = sock.sendmsg(views)
        for number, view in enumerate(views):
            views[number] = view[count:]
            count -= min(count, len(view))


def _read(
    sock: socket.socket, buffers: list[bytearray], deadline: float | None, *, once: bool = False
) -> bool:
    """Fill the buffers, which become empty views; with `once`, whether anything came by the deadline.

    The kernel collects the bytes, because each wake-up costs more than the copying.
    """
    views = [memoryview(buffer) for buffer in buffers]
    while any(views):
        try:
            _wait_no_longer_than(sock, socket.SO_RCVTIMEO, deadline)
            count = sock.recvmsg_into(views, 0, socket.MSG_WAITALL)[0]
        except (BlockingIOError, TimeoutError) as error:
            if once:
                return False
            raise TimeoutError from error
        except ConnectionResetError as error:
            raise ClosedError from error
        if count == 0:
            raise ClosedError
        for number, view in enumerate(views):
            views[number] = view[count:]
            count -= min(count, len(view))
        if once:
            break
    buffers[:] = views  # type: ignore[assignment]
    return True


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
