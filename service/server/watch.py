"""What the loop is asked to tell of a socket."""

from __future__ import annotations

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable


class SocketWatch:
    """Has the loop call when a socket can be read or written; nothing is asked for at first."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        sock: socket.socket,
        readable: Callable[[], None],
        writable: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._readable = readable
        self._writable = writable
        self.reading = self.writing = False

    def ask(self, *, reading: bool | None = None, writing: bool | None = None) -> None:
        """Ask for these from now on, or no more; what is None stays. A closed socket is left alone."""
        descriptor = self._sock.fileno()
        if descriptor < 0:
            return
        if reading is not None and reading != self.reading:
            self.reading = reading
            if reading:
                self._loop.add_reader(descriptor, self._readable)
            else:
                self._loop.remove_reader(descriptor)
        if writing is not None and writing != self.writing:
            self.writing = writing
            if writing:
                self._loop.add_writer(descriptor, self._writable)
            else:
                self._loop.remove_writer(descriptor)
