"""One connection to a client: the loop reads and watches it, and it holds no thread until a request is whole.

Every wait has its time: for the head, for the body, for the client to take what it is sent, between two
requests. While a request is worked on, its thread has the connection, and sends what the socket takes
at once; what it does not take is sent by the loop.
"""

from __future__ import annotations

import contextlib
import enum
import http
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import h11

from service.admission.ledger import Lease
from service.errors import ServiceError
from service.http.answers import Answer, RepeatableAnswer, record_answer, request_id_of
from service.http.middleware import METHODS
from service.server import head as heads
from service.server.head import Head, RefusalError
from service.server.outbox import Outbox
from service.server.recall import LONGEST_REQUEST, is_whole
from service.server.watch import SocketWatch
from service.workers.floor import FLOOR
from service.workers.leaving import Visit

if TYPE_CHECKING:
    from service.server.live import LiveSocket
    from service.server.web import Web

RECEIVED_AT_ONCE = 1 << 16
MOST_AHEAD = 1 << 16
"""Bytes that may wait behind the request that is worked on; more is left to the kernel."""
LEAST_RATE = 8192
"""Bytes a second that a client must take in the long run."""
PATIENCE_WITH_ENDS = 1.0
"""Seconds for which a request is worked on whose client has closed its end: it may still be reading."""
LINGER = 2.0
"""Seconds for which a refused client may go on sending, so that it can read why."""
RESERVED_AT_ONCE = 1 << 18
"""Bytes of a body for which room is kept before they come."""
MOST_WAITING = 1 << 18
"""Bytes that a stream may be ahead of its client."""
FOREVER = float("inf")
_BOTH_DONE = {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}


class Stage(enum.Enum):
    """What a connection waits for."""

    IDLE = "a request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    WORK = "the answer"
    SENDING = "the client to take the answer"
    CLOSING = "the client to close"
    CLOSED = "nothing"


_READING = (Stage.IDLE, Stage.HEAD, Stage.BODY)


class Connection:
    """The connection; `begin` and what follows belong to the loop, the rest to the thread that answers."""

    def __init__(self, web: Web, sock: socket.socket, address: Any) -> None:
        self._web = web
        self.sock = sock
        self.client = (str(address[0]), int(address[1])) if isinstance(address, tuple) else ("", 0)
        self.stage = Stage.IDLE
        self.born = time.monotonic()
        self.deadline = self.born + web.settings.head_wait
        """When the wait is over."""
        self._lock = threading.Lock()
        self._parser: h11.Connection | None = None
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._body_length = 0
        self._began = self.born
        self._ahead: list[bytes] = []
        self._ended = False
        self._raw = b""
        self._plain = True
        self._out = Outbox()
        self._rest: Iterator[bytes] | None = None
        self._close: list[Any] = []
        self._sending_since = 0.0
        self._drained = threading.Event()
        self._last = self._recalled = False
        self._watch = SocketWatch(web.loop, sock, self.readable, self.writable)
        self._room: Lease | None = None
        """What the ledger keeps for a long body until it is answered."""
        self.visit: Visit | None = None

    # What the loop calls

    def begin(self) -> None:
        """Watch the socket."""
        self._watch.ask(reading=True)

    @property
    def evictable(self) -> bool:
        """Whether it is one of those that wait for a request, and may be closed when there is no room."""
        return self.stage in (Stage.IDLE, Stage.HEAD, Stage.CLOSING)

    def readable(self) -> None:
        """Take what has come."""
        try:
            data = self.sock.recv(RECEIVED_AT_ONCE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.drop()
            return
        with self._lock:
            if self.stage in (Stage.WORK, Stage.SENDING):
                self._take_ahead(data)
                return
        if self.stage is Stage.CLOSING:
            if not data:
                self.drop()
            return
        if not data:
            self._end_early()
            return
        if self.stage is Stage.IDLE and self._plain and self._answer_from_bytes(data):
            return
        self._receive(data)

    def expired(self) -> None:
        """The time for what it waits for is over."""
        if self.stage is Stage.WORK:
            if self.visit is not None:
                self.visit.leave()  # its client has closed its end, and did not come back
            self.deadline = FOREVER
        elif self.stage in (Stage.HEAD, Stage.BODY):
            self.refuse(RefusalError(408, f"{self.stage.value} did not come in time", "request_timeout"))
        else:
            self.drop()

    def drain(self, now: float) -> None:
        """The process is about to end: who waits for nothing has little time for one more request."""
        if self.stage is Stage.IDLE:
            self.deadline = min(self.deadline, now + self._web.idle_wait)

    def too_slow(self, now: float) -> bool:
        """Whether the client takes its answer so slowly that it holds it for ever."""
        if self.stage is not Stage.SENDING or not self._sending_since:
            return False
        allowed = self._web.settings.send_wait + self._out.sent / LEAST_RATE
        return now - self._sending_since > allowed

    def writable(self) -> None:
        """Send what waits, and fetch the rest of an answer that is ready."""
        while True:
            if not self._send_some():
                return
            if self._rest is None:
                break
            try:
                piece = next(self._rest)
            except StopIteration:
                self._rest = None
                self._out.add(self._encoded(h11.EndOfMessage()))
            else:
                self._out.add(self._encoded(h11.Data(data=piece)))
        self._watch.ask(writing=False)
        with self._lock:
            self._sending_since = 0.0
            if not self._last and self.stage is Stage.SENDING:  # its thread makes the next piece
                self.stage, self.deadline = Stage.WORK, FOREVER
            after, closers = self._turn() if self._last else (None, [])
        self._drained.set()
        for close in closers:
            close()
        if after is not None:
            after()

    def drop(self) -> None:
        """Close the connection, whatever it was doing."""
        if self.stage is Stage.CLOSED:
            return
        self._watch.ask(reading=False, writing=False)
        with self._lock:
            self.stage = Stage.CLOSED
            closers, self._close = self._close, []
        self._web.forget(self)
        self._leave_room()
        with contextlib.suppress(OSError):
            # What the client has not taken is not kept by the kernel for minutes.
            if self._out or self._sending_since:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        self._out.clear()
        if self.visit is not None:
            self.visit.leave()
        self._drained.set()
        for close in closers:
            close()

    def advance(self) -> None:
        """Go on with what came while the last request was worked on."""
        with self._lock:
            if self.stage is not Stage.IDLE:
                return
            ahead, self._ahead = b"".join(self._ahead), []
        self._watch.ask(reading=not self._ended)
        if ahead:
            self._receive(ahead)
        elif self._parser is not None and self._parser.trailing_data[0]:
            self._parse()
        if self._ended and self.stage in _READING:
            self._end_early()

    # What the thread that answers calls

    def answer(
        self, status: int, headers: list[tuple[str, str]], body: Iterator[bytes], close: Any, *, ready: bool
    ) -> None:
        """Send an answer; `close` is called when it was sent, or will not be.

        Returns when all of it was sent or handed to the loop. Raises `ConnectionError` when the client
        is gone.
        """
        try:
            self._answer(status, headers, body, close, ready=ready)
        except BaseException:
            self._web.call(self.drop)
            raise

    def become_live(self) -> LiveSocket:
        """The WebSocket that takes this connection's place: it is another's from now on.

        Raises `RefusalError` for what is no handshake, and `ConnectionError` when the client is gone.
        """
        from service.server.live import LiveSocket

        assert self._head is not None  # noqa: S101 - its head is what asks for it
        assert self._parser is not None  # noqa: S101 - as above
        with self._lock:
            if self.stage is Stage.CLOSED or self._ended or self.visit is None:
                raise ConnectionResetError("the client is gone")
            live = LiveSocket(self._web, self.sock, self._head, self.visit)
            self.stage = Stage.CLOSED
            ahead = b"".join([self._parser.trailing_data[0], *self._ahead])
        self._web.call(lambda: self._hand_over(live, ahead))
        return live

    def _hand_over(self, live: LiveSocket, ahead: bytes) -> None:
        self._watch.ask(reading=False, writing=False)
        self._web.replace(self, live)
        live.begin(ahead)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: Iterator[bytes], close: Any, *, ready: bool
    ) -> None:
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        fields.append((b"Date", formatdate(usegmt=True).encode()))
        if self._web.draining or time.monotonic() - self.born > self._web.longest_connection:
            fields.append((b"Connection", b"close"))
        bodiless = status in (204, 304) or (self._head is not None and self._head.method == "HEAD")
        streams = not bodiless and (length is None or (length > MOST_WAITING and not ready))
        begin = self._encoded(h11.Response(status_code=status, headers=fields, reason=_reason(status)))
        if streams:
            try:  # while this thread is in the body, nobody else may close it
                self._push(begin)
                for piece in body:
                    if piece:
                        self._push(self._encoded(h11.Data(data=piece)))
            finally:
                close()
            self._push(self._encoded(h11.EndOfMessage()), last=True)
            return
        with self._lock:
            gone = self.stage is Stage.CLOSED
            if not gone:
                self._close.append(close)
        if gone:
            close()
            raise ConnectionResetError("the client is gone")
        if bodiless or length is None or length <= MOST_WAITING:
            whole = b"" if bodiless else b"".join(body)
            body_events = [h11.Data(data=whole)] if whole else []
            self.sent_head = b"".join(begin)
            self._push([*begin, *self._encoded(*body_events, h11.EndOfMessage())], last=True)
            return
        self._rest = body
        self._push(begin, last=True)

    def _push(self, parts: list[bytes], *, last: bool = False) -> None:
        """Send what the socket takes; leave the rest to the loop, and wait for it where there is too much."""
        with self._lock:
            if self.stage is Stage.CLOSED:
                raise ConnectionResetError("the client is gone")
            idle = not self._out
            self._out.add(parts)
            if idle and self._out:
                self._out.flush(self.sock)
            self._last = last
            closers: list[Any] = []
            if last and not self._out and self._rest is None:
                after, closers = self._turn()  # before the client's next request can be seen
            else:
                after = self._start_writing if self._out or self._rest is not None else None
                self._await_client(last=last)
        for close in closers:
            close()
        if after is not None:
            self._web.call(after)
        while not last and self._out.waiting > MOST_WAITING:
            with FLOOR.aside():
                self._drained.wait(1.0)
            if self.closed:
                raise ConnectionResetError("the client is gone")

    def _await_client(self, *, last: bool) -> None:
        """Something waits to be sent, or all of it was."""
        self._drained.clear()
        if self._out or last:
            self.stage = Stage.SENDING
            self.deadline = time.monotonic() + self._web.settings.send_wait
            if not self._sending_since:
                self._sending_since, self._out.sent = time.monotonic(), 0

    def _turn(self) -> tuple[Callable[[], None] | None, list[Any]]:
        """The answer was sent: be ready for the next request, or to close.

        What the loop has to do then, and what is to be told that the answer was sent.
        """
        parser = self._parser
        goes_on = self._recalled or (parser is not None and parser.states == _BOTH_DONE)
        trailing = parser is not None and bool(parser.trailing_data[0])
        if goes_on and parser is not None and not self._recalled:
            self._learn()
            self._plain = self._plain and not trailing
            parser.start_next_cycle()
        self.visit, self._recalled, self._last = None, False, False
        self._sending_since = 0.0
        self._head, self._body, self._body_length, self._raw = None, [], 0, b""
        self._leave_room()
        self.stage = Stage.IDLE if goes_on else Stage.CLOSING
        self.deadline = time.monotonic() + (self._web.idle_wait if goes_on else LINGER)
        closers, self._close = self._close, []
        if not goes_on:
            return self._begin_closing, closers
        return self.advance if self._ahead or self._ended or trailing else None, closers

    # Both

    def _send_some(self) -> bool:
        """Whether all that waits was sent; in the loop, when the client takes something."""
        try:
            with self._lock:
                self.deadline = time.monotonic() + self._web.settings.send_wait
                return self._out.flush(self.sock)
        except OSError:
            self.drop()
            return False

    def _encoded(self, *events: Any) -> list[bytes]:
        assert self._parser is not None  # noqa: S101 - it has read the request
        return [part for event in events for part in self._parser.send_with_data_passthrough(event) or ()]

    @property
    def closed(self) -> bool:
        """Whether the client is gone."""
        return self.stage is Stage.CLOSED

    # Inside the loop

    def _start_writing(self) -> None:
        if self.stage is not Stage.CLOSED:
            self._watch.ask(writing=True)

    def _take_ahead(self, data: bytes) -> None:
        """Keep what comes while a request is worked on; an end means that the client may have left."""
        if not data:
            self._ended = True
            self._watch.ask(reading=False)
            if self.stage is Stage.WORK:
                self.deadline = time.monotonic() + PATIENCE_WITH_ENDS
            return
        self._ahead.append(data)
        if sum(map(len, self._ahead)) > MOST_AHEAD:
            self._watch.ask(reading=False)

    def _end_early(self) -> None:
        self._ended = True
        if self.stage is Stage.IDLE:
            self.drop()
        else:
            self.refuse(
                RefusalError(400, f"the connection ended before {self.stage.value} had come", "bad_request")
            )

    def _receive(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=heads.LONGEST_HEAD)
        if self.stage is Stage.IDLE:
            self.stage = Stage.HEAD
            self._began = time.monotonic()
            self.deadline = self._began + self._web.settings.head_wait
        self._raw = (
            (self._raw + data)[: LONGEST_REQUEST + 1] if len(self._raw) <= LONGEST_REQUEST else self._raw
        )
        try:
            self._parser.receive_data(data)
        except h11.RemoteProtocolError as error:
            self.refuse(heads.parser_refusal(error, self._raw))
            return
        self._parse()

    def _parse(self) -> None:
        assert self._parser is not None  # noqa: S101 - something has come
        if self.stage is Stage.IDLE:
            self.stage = Stage.HEAD
            self._began = time.monotonic()
            self.deadline = self._began + self._web.settings.head_wait
        try:
            while True:
                event = self._parser.next_event()
                if isinstance(event, h11.Request):
                    self._start_body(heads.read_head(event, self._web.longest_body))
                elif isinstance(event, h11.Data):
                    self._add_body(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self._work()
                    return
                elif event is h11.NEED_DATA:
                    self._expect()
                    return
                else:  # paused, or the connection is of another protocol
                    return
        except h11.RemoteProtocolError as error:
            self.refuse(heads.parser_refusal(error, self._raw))
        except ServiceError as refusal:
            self.refuse(refusal)

    def _start_body(self, head: Head) -> None:
        self._head = head
        if self._web.longest_body(head.path) > self._web.settings.max_body:
            self._reserve(head.length or 0)  # refused at once where there is no room for all of it
            # Kept is room for what comes next: who names much and sends little would hold it from others.
            self._leave_room()
            self._reserve(min(head.length or 0, RESERVED_AT_ONCE))
        self.stage = Stage.BODY
        self.deadline = time.monotonic() + self._web.settings.body_wait

    def _add_body(self, data: bytes) -> None:
        assert self._head is not None  # noqa: S101 - its head came before
        self._body.append(data)
        self._body_length += len(data)
        longest = self._web.longest_body(self._head.path)
        if self._body_length > longest:
            raise heads.too_large(longest)
        if self._room is not None and self._body_length > self._room.size:
            size = self._body_length + RESERVED_AT_ONCE
            self._reserve(size if self._head.length is None else min(size, self._head.length))

    def _reserve(self, size: int) -> None:
        """Have room for so many bytes of a long body before they come.

        Raises `ServiceError` where there is none; whoever sends them can wait, what has come cannot.
        """
        if self._room is None:
            self._room = self._web.reserve(size)
        else:
            self._room.grow(size)

    def _leave_room(self) -> None:
        """The body is with whoever answers it, or is wanted no more."""
        room, self._room = self._room, None
        if room is not None:
            room.leave()

    def _expect(self) -> None:
        """Tell a client to go on that waits to be told so."""
        assert self._parser is not None  # noqa: S101 - something has come
        if self.stage is Stage.BODY and self._parser.they_are_waiting_for_100_continue:
            go_on = self._parser.send(
                h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            )
            with contextlib.suppress(OSError):
                self.sock.send(go_on or b"")

    def _work(self) -> None:
        """The request is whole: have it answered."""
        assert self._head is not None  # noqa: S101 - its head came before
        self.visit = Visit()
        with self._lock:
            self.stage = Stage.WORK
            self.deadline = time.monotonic() + PATIENCE_WITH_ENDS if self._ended else FOREVER
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._web.work(self, self._head, body)

    def refuse(self, refusal: ServiceError) -> None:
        """Answer by the server itself, and close."""
        head = self._head
        offered = head.value(b"x-request-id") if head else ""
        request_id = request_id_of(offered)
        path = head.path if head else _path_of(self._raw)
        data = self._web.refusal(refusal, path, request_id)
        record_answer(
            self._web.measures,
            Answer(
                request_id=request_id,
                method=head.method if head and head.method in METHODS else "other",
                route="unknown",
                status=refusal.status,
                seconds=time.monotonic() - self._began,
                length=len(data),
                error=refusal.code,
                speech_facts={},
            ),
        )
        self.stage = Stage.CLOSING
        self._body, self._head = [], None
        self._leave_room()
        with contextlib.suppress(OSError):
            self.sock.send(data)
        self._begin_closing()

    def _begin_closing(self) -> None:
        """Tell the client that this was all, and wait a moment for it to have read it."""
        if self.stage is Stage.CLOSED:
            return
        self.stage = Stage.CLOSING
        self.deadline = time.monotonic() + LINGER
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop()
            return
        if self._ended:
            self.drop()
        else:
            self._watch.ask(reading=True)

    # Requests that are known from their bytes

    noted: RepeatableAnswer | None = None
    """What the application noted of its last answer, where the cache gave it."""
    sent_head = b""
    """The head of the last answer."""

    def _learn(self) -> None:
        self._plain = self._plain and is_whole(self._raw)
        if self.noted is not None and self._plain:
            self._web.recall.learn(self._raw, self.sent_head, self.noted)
        self.noted = None

    def _answer_from_bytes(self, data: bytes) -> bool:
        """Whether what has come is known, and was answered at once."""
        known = self._web.recall.known(data)
        if (
            known is None
            or self._web.draining
            or (self._parser is not None and self._parser.trailing_data[0])
        ):
            return False
        reply = self._web.recall.answer(known)
        if reply is None:
            return False
        self._out.add([*reply])
        try:
            done = self._out.flush(self.sock)
        except OSError:
            self.drop()
            return True
        self.deadline = time.monotonic() + self._web.idle_wait
        if not done:
            with self._lock:
                self.stage = Stage.SENDING
                self._sending_since, self._out.sent = time.monotonic(), 0
                self.deadline = self._sending_since + self._web.settings.send_wait
                self._last = self._recalled = True
            self._watch.ask(writing=True)
        return True


def _reason(status: int) -> bytes:
    with contextlib.suppress(ValueError):
        return http.HTTPStatus(status).phrase.encode()
    return b"Client Gone"


def _path_of(raw: bytes) -> str:
    """The path of a request line that may be broken; for the shape of the error alone."""
    words = raw[:512].split(b" ", 2)
    return words[1].decode("latin-1") if len(words) > 1 else ""
