"""Requests that are known from their bytes: answered as all others are, and never mixed up with others."""

from __future__ import annotations

import http.client
import io
import json
import logging
import socket
import threading
import types
from typing import Any

import pytest
from flask import Flask
from gunicorn.workers.gthread import ThreadWorker
from hypothesis import given
from hypothesis import strategies as st

from service.admission.floor import Floor
from service.app import create_app
from service.http.context import KEY, Context
from service.server.connection import Connection
from service.server.recall import LONGEST, MOST, Recall, is_whole
from service.server.worker import DrainingWorker
from service.settings.environment import Settings
from service.speech.request import SpeechRequest

from .conftest import Served
from .fakes import FakeEngine

BODY = json.dumps({"text": "你好"}).encode()
ASKED = SpeechRequest(text="你好")


def request(body: bytes = BODY, *headers: str, kind: str = "application/json") -> bytes:
    lines = [
        "POST /tts HTTP/1.1",
        "Host: x",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def app() -> Flask:
    return create_app(Settings(max_text=200, max_audio=60.0), FakeEngine())


@pytest.fixture
def context(app: Flask) -> Context:
    held: Context = app.extensions[KEY]
    return held


@given(body=st.binary(max_size=50), more=st.binary(min_size=1, max_size=50))
def test_one_request_and_nothing_else_is_whole(body: bytes, more: bytes) -> None:
    assert is_whole(request(body))
    assert not is_whole(request(body) + more)
    assert not is_whole(request(body + more)[: -len(more)])


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /tts HTTP/1.1\r\n\r\n12345",
        request(b"12345", "Content-Length: 5"),
        request(b"12345").replace(b": 5", b": +5"),
        request(b"12345").replace(b": 5", b": 5, 5"),
        request(b"12345").replace(b"Content-Length", b"Content-Length "),
        request(b"12345").replace(b"\r\nContent-Length", b"\nContent-Length"),
        request(b"12345").replace(b"\r\nContent-Length", b"\r\n Content-Length"),
        request(b"0\r\n\r\n", "Transfer-Encoding: chunked"),
        request(b"12345", "Expect: 100-continue"),
        request(b"12345", "X-Request-ID: mine"),
    ],
)
def test_what_is_in_doubt_is_not(received: bytes) -> None:
    assert not is_whole(received)


def test_a_request_without_a_body_is_whole() -> None:
    assert is_whole(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")


class Records(logging.Handler):
    """What is logged while it listens."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts = dict(record.facts)  # type: ignore[attr-defined]
        del facts["request_id"], facts["milliseconds"]
        self.facts.append(facts)


def test_the_reply_is_the_one_of_the_application(app: Flask, context: Context) -> None:
    """The same sound, the same headers, the same line in the log and the same measures."""
    client, records = app.test_client(), Records()
    headers = {"Content-Type": "application/json"}
    client.post("/tts", data=BODY, headers=headers)
    logging.getLogger("service").addHandler(records)
    try:
        plain = client.post("/tts", data=BODY, headers=headers)
        recall = Recall(context)
        recall.learn(request(), ASKED)
        asked = recall.known(request())
        assert asked == ASKED
        reply = recall.answer(asked)
    finally:
        logging.getLogger("service").removeHandler(records)
    assert reply is not None
    parsed = http.client.HTTPResponse(_Socket(reply))  # type: ignore[arg-type]
    parsed.begin()
    assert (parsed.status, parsed.read()) == (plain.status_code, plain.data)
    told = {
        name: value for name, value in parsed.getheaders() if name not in ("Server", "Date", "Connection")
    }
    expected = dict(plain.headers)
    assert len(told.pop("X-Request-ID")) == len(expected.pop("X-Request-ID"))
    assert told == expected
    first, second = records.facts
    assert first == second
    measures = client.get("/metrics").text
    assert 'tts_requests_total{route="/tts",status="200"} 3.0' in measures
    assert 'tts_cache_total{outcome="hit"} 2.0' in measures


def test_what_the_cache_lost_is_not_answered(context: Context) -> None:
    assert Recall(context).answer(ASKED) is None


def test_it_stays_small(context: Context) -> None:
    recall = Recall(context)
    for number in range(MOST + 10):
        recall.learn(request(b"%d" % number), ASKED)
    assert len(recall._known) == MOST
    assert recall.known(request(b"0")) is None
    assert recall.known(request(b"%d" % (MOST + 9))) == ASKED


@pytest.mark.parametrize(
    "received",
    [
        request(b"x" * LONGEST),
        request() + request(),
        request().replace(b"HTTP/1.1", b"HTTP/1.0"),
        request().replace(b"/tts", b"/tts/stream"),
    ],
)
def test_what_is_answered_otherwise_is_not_learnt(context: Context, received: bytes) -> None:
    recall = Recall(context)
    recall.learn(received, ASKED)
    assert recall.known(received) is None


class Reading(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """The server's part: reads what comes as one request, and counts."""

    read: list[bytes]
    offers = True

    def handle(self, conn: Any) -> Any:
        received = conn.sock.recv(1 << 16)
        if not received:
            return False
        self.read.append(received)
        conn.sock.asked = ASKED if self.offers else None
        conn.sock.sendall(b"read")
        return True


class Worker(DrainingWorker, Reading):
    def __init__(self, app: Flask) -> None:  # without a server around it
        self.wsgi = app
        self.alive = True
        self.nr_conns = 1
        self.cfg = types.SimpleNamespace(threads=8)
        self.read = []


@pytest.fixture
def worker(app: Flask, context: Context) -> Worker:
    context.speaker.speak(ASKED)
    return Worker(app)


def answers(worker: Worker, *requests: bytes) -> list[bytes]:
    """What one connection is answered, request by request."""
    ours, theirs = socket.socketpair()
    said = []
    with Connection.over(ours, Floor()) as connection, theirs:
        theirs.settimeout(10)
        thread = threading.Thread(target=worker.handle, args=(types.SimpleNamespace(sock=connection),))
        theirs.sendall(requests[0])
        thread.start()
        for number, _ in enumerate(requests):
            said.append(theirs.recv(1 << 20))
            if number + 1 < len(requests):
                theirs.sendall(requests[number + 1])
        theirs.shutdown(socket.SHUT_WR)
        thread.join(10)
        assert not thread.is_alive()
    return said


def test_a_request_is_read_once(worker: Worker) -> None:
    first, *others = answers(worker, request(), request(), request())
    assert first == b"read"
    assert all(reply.startswith(b"HTTP/1.1 200 OK\r\n") and reply.endswith(b'"success"}') for reply in others)
    assert worker.read == [request()]


def test_another_one_is_read_whole(worker: Worker) -> None:
    other = request(b"{}")
    assert answers(worker, request(), other, request())[:2] == [b"read", b"read"]
    assert worker.read == [request(), other]


def test_what_the_cache_did_not_answer_is_read_again(worker: Worker) -> None:
    worker.offers = False
    assert answers(worker, request(), request()) == [b"read", b"read"]


def test_a_connection_with_more_than_one_request_at_once_is_always_read(worker: Worker) -> None:
    """Part of what came may wait in the server's parser, so nobody knows where the next request begins."""
    worker._recall.learn(request(), ASKED)
    assert answers(worker, request() + request(), request(), request()) == [b"read"] * 3


def test_a_client_that_is_gone_ends_it(worker: Worker) -> None:
    ours, theirs = socket.socketpair()
    worker._recall.learn(request(), ASKED)
    with Connection.over(ours, Floor()) as connection:
        theirs.sendall(request())
        thread = threading.Thread(target=worker.handle, args=(types.SimpleNamespace(sock=connection),))
        thread.start()
        assert theirs.recv(10) == b"read"
        theirs.sendall(request())
        theirs.close()
        thread.join(10)
        assert not thread.is_alive()


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


@pytest.fixture
def raw(served: Served) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", served.port), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def replied(raw: socket.socket) -> tuple[int, dict[str, str], bytes]:
    parsed = http.client.HTTPResponse(raw)
    parsed.begin()
    return parsed.status, {name.lower(): value for name, value in parsed.getheaders()}, parsed.read()


def test_a_server_answers_the_same_again_and_again(raw: socket.socket) -> None:
    """Read, found in the cache, and known: nobody can tell them apart."""
    with raw:
        found = []
        for _ in range(5):
            raw.sendall(request())
            found.append(replied(raw))
    status, headers, body = found[0]
    assert (status, json.loads(body)["status"]) == (200, "success")
    for _, other, again in found[1:]:
        assert again == body
        assert [*other] == [*headers]
        assert {**other, "x-request-id": "", "date": ""} == {**headers, "x-request-id": "", "date": ""}
    assert len({one["x-request-id"] for _, one, _ in found}) == 5


def test_a_known_request_in_pieces_is_answered(raw: socket.socket) -> None:
    with raw:
        for cut in (len(request()), len(request()), 10, len(request()) - 3):
            raw.sendall(request()[:cut])
            if cut < len(request()):
                threading.Event().wait(0.05)
                raw.sendall(request()[cut:])
            assert replied(raw)[0] == 200


def test_a_body_that_looks_like_a_known_request_is_none(raw: socket.socket) -> None:
    """It is the body of a request that is refused before its body is read."""
    with raw:
        for _ in range(3):
            raw.sendall(request())
            assert replied(raw)[0] == 200
        raw.sendall(request(request(), kind="text/plain"))
        assert replied(raw)[0] == 415
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        status, _, body = replied(raw)
        assert (status, b"audio" in body) == (200, False)
