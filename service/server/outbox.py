"""What waits to be sent to a client whose socket takes some of it at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterable

MOST_PARTS = 16
"""Pieces that are handed to the kernel at once."""


class Outbox:
    """Pieces of bytes in their order, which are not copied together; whoever shares it has a lock."""

    def __init__(self) -> None:
        self._parts: list[memoryview] = []
        self.waiting = 0
        """Bytes."""
        self.sent = 0
        """Bytes that were sent, since somebody last set this."""

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, parts: Iterable[bytes]) -> None:
        """Have more wait."""
        for part in parts:
            if part:
                self._parts.append(memoryview(part))
                self.waiting += len(part)

    def flush(self, sock: socket.socket) -> bool:
        """Send what the socket takes; whether that was all. Raises `OSError` when the client is gone."""
        while self._parts:
            try:
                count = sock.sendmsg(self._parts[:MOST_PARTS])
            except (BlockingIOError, InterruptedError):
                return False
            self.sent += count
            self.waiting -= count
            while count:
                part = self._parts[0]
                if count < len(part):
                    self._parts[0] = part[count:]
                    break
                count -= len(part)
                del self._parts[0]
        return True

    def clear(self) -> None:
        """Send nothing of it."""
        self._parts.clear()
        self.waiting = 0
