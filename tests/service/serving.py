"""An application behind the real server, in threads of the test's own process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask

from service.http.context import KEY
from service.server.web import Web


class Serving:
    """A server that runs."""

    def __init__(self, app: Flask) -> None:
        self.read = 0
        """Requests that reached the application."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        inner = app.wsgi_app

        def counted(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            self.read += 1
            return inner(environ, start_response)

        app.wsgi_app = counted  # type: ignore[method-assign]
        self.web = Web(app, self._listener, app.extensions[KEY].speaker.ledger)
        self._thread = threading.Thread(target=self.web.run, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self.web._connections)

    def connect(self, buffer: int = 0) -> socket.socket:
        """A connection to it; `buffer` bytes are what the kernel takes for us."""
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def stop(self) -> None:
        """Let it drain, and end."""
        self.web.call(self.web.drain)
        self.web.call(self._end_soon)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _end_soon(self) -> None:
        self.web.loop.call_later(0.6, self.web._end.set)


@contextlib.contextmanager
def serve(app: Flask) -> Iterator[Serving]:
    """Serve an application for the length of the block."""
    serving = Serving(app)
    try:
        yield serving
    finally:
        serving.stop()
