"""A client's connection, whose thread has the floor from a request's arrival until its reply is sent."""

from __future__ import annotations

import socket
from typing import Any, Self

from service.floor import Floor


class Connection(socket.socket):
    """A socket that never waits for the other end while its thread has the floor."""

    _floor: Floor

    @classmethod
    def over(cls, sock: socket.socket, floor: Floor) -> Self:
        """The same connection; the socket that is given is of no more use."""
        timeout = sock.gettimeout()
        connection = cls(fileno=sock.detach())
        connection.settimeout(timeout)
        connection._floor = floor
        return connection

    def recv(self, *arguments: Any) -> bytes:
        self._floor.leave()
        received = super().recv(*arguments)
        self._floor.take()
        return received

    def sendall(self, *arguments: Any) -> None:
        self._floor.leave()
        super().sendall(*arguments)
