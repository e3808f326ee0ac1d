"""gunicorn's threaded worker, quicker with clients that ask again, and complete when it is told to stop.

gunicorn 23 to 27 stop accepting at once; whoever had connected but was not yet accepted is then reset, and
in version 23 so is who had been accepted but had not yet sent the request.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from gunicorn.workers.gthread import ThreadWorker

from service.admission.floor import FLOOR
from service.admission.turns import Rank
from service.http.answers import repeatable_answer
from service.http.context import KEY
from service.server.connection import Connection
from service.server.recall import Recall

if TYPE_CHECKING:
    Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
    """A WSGI application."""

LINGER = 0.3
"""Seconds in which those who have connected may still send their request."""


def note_answers(application: Application) -> Application:
    """The same application; each connection is told which of its answers the cache gave."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = application(environ, start_response)
        environ["gunicorn.socket"].noted = repeatable_answer(environ)
        return body

    return answer


class GunicornWorker(ThreadWorker):
    """The worker: accepts every client that waits before it stops, and answers again on open connections."""

    patience = 10
    """Milliseconds for which a thread waits for the next request of the connection that it has answered."""
    _closed = False
    wsgi: Any
    _recall: Recall

    def load_wsgi(self) -> None:
        """gunicorn calls this once, before it serves; `wsgi` is what it then calls for each request."""
        super().load_wsgi()
        self._recall = Recall(self.wsgi.extensions[KEY])
        self.wsgi = note_answers(self.wsgi)

    def murder_keepalived(self, *arguments: Any, **named: Any) -> None:
        """gunicorn calls this at the end of every turn of its loop, the last one included."""
        super().murder_keepalived(*arguments, **named)
        if not self.alive and not self._closed:
            self._closed = True
            self._close_the_door()
            self._let_them_speak()

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread. Version 23 makes its parser, which keeps the socket, in here."""
        if not isinstance(conn.sock, Connection):
            conn.sock = Connection.over(conn.sock, FLOOR)
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a connection's request, and those that follow at once.

        gunicorn gives a connection back to its main thread after every answer, and that gives it to another
        thread with the next request: half of what an answer from the cache costs. Nobody waits for a thread
        meanwhile, because there is one for each connection.
        """
        sock = conn.sock
        while True:
            sock.begin()
            with FLOOR.shared():
                done = super().handle(conn)
            kept = done[0] if isinstance(done, tuple) else done is True  # version 23 returns the pair
            if not kept:
                return done
            plain = sock.end()
            if plain and sock.noted is not None:
                self._recall.learn(sock.received, sock.sent, sock.noted)
            while again := self._goes_on(sock):
                if not (plain and self._answer_from_bytes(sock)):
                    break
            if not again:
                return done

    def _goes_on(self, sock: socket.socket) -> bool:
        return bool(self.alive and self.nr_conns <= self.cfg.threads and _asks_again(sock, self.patience))

    def _answer_from_bytes(self, sock: Connection) -> bool:
        """Whether what has come is known, and was answered at once."""
        known = self._recall.known(sock.coming())
        if known is None:
            return False
        with FLOOR.shared():
            FLOOR.take(Rank.LAST)
            reply = self._recall.answer(known)
            return reply is not None and sock.reply(reply)

    def _close_the_door(self) -> None:
        registered = self.poller.get_map()
        for listener in self.sockets:
            if listener in registered:
                accept = registered[listener].data
                while select.select([listener], [], [], 0)[0]:
                    accept(listener)
            listener.close()

    def _let_them_speak(self) -> None:
        end = time.monotonic() + LINGER
        while time.monotonic() < end:
            for key, _ in self.poller.select(0.05):
                key.data(key.fileobj)


def _asks_again(sock: socket.socket, milliseconds: int) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(milliseconds))
