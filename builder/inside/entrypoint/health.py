"""Asks the service whether it is ready, as cheaply as a process can: one request over a bare socket."""

from __future__ import annotations

import socket

TIMEOUT = 4.0
"""Seconds to connect, and again to answer."""


def status(port: int, path: str) -> int:
    """The HTTP status that `path` answers with on this machine; 0 when nothing answers."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
            connection.settimeout(TIMEOUT)
            connection.sendall(request.encode("ascii"))
            line = connection.makefile("rb").readline(200).split()
    except OSError:
        return 0
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0
