"""The connection to a client, whose thread has the floor from a request's arrival until it is answered."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from service.admission.floor import Floor
from service.http.answers import RepeatableAnswer
from service.server.recall import LONGEST_REQUEST, is_whole

if TYPE_CHECKING:
    from typing import Self  # in Python 3.11, and environments that carry the service may be older


class Connection(socket.socket):
    """A socket that never waits for the other end while its thread has the floor."""

    noted: RepeatableAnswer | None = None
    """What the application noted of its last answer, where the cache gave it."""
    received: bytes
    """The last request as it came, as far as it may be one that is known."""
    sent: bytes
    """How the last answer began: as much of it as may be its head."""
    _floor: Floor
    _plain = True
    _ahead = b""

    @classmethod
    def over(cls, sock: socket.socket, floor: Floor) -> Self:
        """The same connection; the socket that is given is of no more use."""
        timeout = sock.gettimeout()
        connection = cls(fileno=sock.detach())
        connection.settimeout(timeout)
        connection._floor = floor
        connection.begin()
        return connection

    def begin(self) -> None:
        """A request is about to be read."""
        self.noted = None
        self.received = self.sent = b""

    def recv(self, size: int, *flags: int) -> bytes:
        if self._ahead:
            received, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            self._floor.leave()
            received = super().recv(size, *flags)
        self._floor.take()
        self.received += received[: LONGEST_REQUEST + 1 - len(self.received)]
        return received

    def end(self) -> bool:
        """Tell that a request was answered; whether what comes next surely begins a new request."""
        self._plain = self._plain and is_whole(self.received)
        return self._plain

    def coming(self) -> bytes:
        """The bytes that have come, which `recv` gives again unless `reply` is called."""
        with contextlib.suppress(OSError):
            self._ahead = super().recv(LONGEST_REQUEST + 1)
        return self._ahead

    def reply(self, reply: bytes) -> bool:
        """Send the reply to what has come; false when the client is gone, which `recv` tells again."""
        self._ahead = b""
        self._floor.leave()
        try:
            super().sendall(reply)
        except OSError:
            return False
        return True

    def sendall(self, data: Any, *flags: int) -> None:
        self.sent += data[: LONGEST_REQUEST - len(self.sent)]
        self._floor.leave()
        super().sendall(data, *flags)
