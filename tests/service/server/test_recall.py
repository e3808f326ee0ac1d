"""Requests that are known from their bytes: answered as all others are, and never mixed up with others."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import threading
import types
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from flask import Flask, Response
from flask import request as flask_request
from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from service.admission.floor import Floor
from service.app import create_app
from service.client import Client
from service.http.answers import Answer, RepeatableAnswer
from service.http.context import KEY, Context
from service.server.connection import Connection
from service.server.recall import LONGEST_REQUEST, MOST_REQUESTS, Recall, is_whole
from service.server.worker import GunicornWorker
from service.settings.environment import Settings
from service.speech.request import SpeechRequest
from tests.service.conftest import Served
from tests.service.fakes import FakeEngine

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
        facts = dict(vars(record)["facts"])
        del facts["request_id"], facts["milliseconds"]
        self.facts.append(facts)


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    logging.getLogger("service").addHandler(handler)
    yield handler
    logging.getLogger("service").removeHandler(handler)


NOTED = RepeatableAnswer(
    asked=ASKED,
    answer=Answer(
        request_id="first", method="POST", route="/tts", status=200, seconds=0.1, length=4, error=None,
        speech_facts={"characters": 2},
    ),
)  # fmt: skip


def sent(head: str = "HTTP/1.1 200 OK", *headers: str, length: int = 4, name: str = "first") -> bytes:
    own = (f"Content-Length: {length}", f"X-Request-ID: {name}")
    return "\r\n".join([head, "Date: then", *own, *headers, "", "body"]).encode()


def test_what_the_cache_lost_is_not_answered(context: Context) -> None:
    recall = Recall(context)
    recall.learn(request(), sent(), NOTED)
    known = recall.known(request())
    assert known is not None
    assert recall.answer(known) is None


def test_it_stays_small(context: Context) -> None:
    recall = Recall(context)
    for number in range(MOST_REQUESTS + 10):
        recall.learn(request(b"%d" % number), sent(), NOTED)
    assert len(recall._known) == MOST_REQUESTS
    assert recall.known(request(b"0")) is None
    assert recall.known(request(b"%d" % (MOST_REQUESTS + 9))) is not None


@pytest.mark.parametrize(
    ("received", "answered"),
    [
        (request(b"x" * LONGEST_REQUEST), sent()),
        (request() + request(), sent()),
        (request(), sent("HTTP/1.0 200 OK")),
        (request(), sent("HTTP/1.1 206 Partial Content")),
        (request(), sent(length=5)),
        (request(), sent(name="another")),
        (request(), sent().replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")),
        (request(), sent("HTTP/1.1 200 OK", f"X-Long: {'x' * LONGEST_REQUEST}")[:LONGEST_REQUEST]),
    ],
)
def test_what_is_answered_otherwise_is_not_learnt(context: Context, received: bytes, answered: bytes) -> None:
    recall = Recall(context)
    recall.learn(received, answered, NOTED)
    assert recall.known(received) is None


class Reading(ThreadWorker):
    """The server's part: reads what comes as one request, and has the application answer it."""

    read: list[bytes]

    def handle(self, conn: Any) -> Any:
        received = conn.sock.recv(1 << 16)
        if not received:
            return False
        self.read.append(received)
        lines, _, body = received.partition(b"\r\n\r\n")
        first, *fields = lines.decode().split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        environ = EnvironBuilder(
            path=first.split()[1], method="POST", headers=headers, data=body
        ).get_environ()
        environ["gunicorn.socket"] = conn.sock
        said: list[str] = []

        def start_response(status: str, headers: Iterable[tuple[str, str]]) -> None:
            said.append(f"HTTP/1.1 {status}\r\nServer: gunicorn\r\nDate: {formatdate(usegmt=True)}\r\n")
            said.extend(f"{name}: {value}\r\n" for name, value in headers)

        whole = b"".join(self.wsgi(environ, start_response))
        conn.sock.sendall("".join([*said, "\r\n"]).encode())
        conn.sock.sendall(whole)
        return True


class Loaded(BaseApplication):
    """An application that gunicorn need not load."""

    def __init__(self, app: Flask) -> None:
        self.loaded = app

    def wsgi(self) -> Any:  # Flask and gunicorn type the same callable differently
        return self.loaded


class Worker(GunicornWorker, Reading):
    patience = 10_000  # a busy machine may take its time

    def __init__(self, app: Flask) -> None:  # without a server around it
        self.app = Loaded(app)
        self.alive = True
        self.nr_conns = 1
        self.cfg = Config()
        self.cfg.set("threads", 8)
        self.read = []
        self.load_wsgi()


@pytest.fixture
def worker(app: Flask, context: Context) -> Worker:
    context.speaker.speak(ASKED)
    return Worker(app)


def whole(sock: socket.socket) -> bytes:
    """One answer, from its first byte to its last."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(1 << 20)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(1 << 20)
    return head + b"\r\n\r\n" + body


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
            said.append(whole(theirs))
            if number + 1 < len(requests):
                theirs.sendall(requests[number + 1])
        theirs.shutdown(socket.SHUT_WR)
        thread.join(10)
        assert not thread.is_alive()
    return said


def without_its_own(answer: bytes) -> bytes:
    """An answer without the time and the name that no other one has."""
    blank, count = re.subn(rb"\r\n(Date|X-Request-ID): [^\r]+", rb"\r\n\1: ", answer)
    assert count == 2
    return blank


SETTINGS = {
    "default": Settings(),
    "others": Settings(api_keys=("key",), log_text=True, voice="english", max_text=50),
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("body", [BODY, b'{"text": "Hi", "voice": "flat", "format": "flac"}'])
def test_an_answer_is_the_one_of_the_application(settings: Settings, body: bytes, records: Records) -> None:
    """The same bytes, the same line in the log and the same measures, whatever the application adds."""
    app = create_app(settings, FakeEngine())

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["X-More"] = f"100 % of {flask_request.path}"
        return response

    worker = Worker(app)
    asked = request(body, "Authorization: Bearer key")
    made, *again = answers(worker, asked, asked, asked, asked)
    assert len(worker.read) == 2  # spoken, found in the cache, and then known
    assert {without_its_own(answer) for answer in again} == {without_its_own(made)}
    assert b"\r\nX-More: 100 % of /tts\r\n" in made
    assert len(set(re.findall(rb"X-Request-ID: (\w+)", b"".join(again)))) == 3
    assert len(records.facts) == 4
    assert all(facts == records.facts[0] for facts in records.facts)
    assert ("text" in records.facts[0]) == settings.log_text
    measures = app.test_client().get("/metrics").text
    assert 'tts_requests_total{route="/tts",status="200"} 4.0' in measures
    assert 'tts_cache_total{outcome="hit"} 3.0' in measures


def test_a_request_without_its_key_is_not_known(records: Records) -> None:
    worker = Worker(create_app(SETTINGS["others"], FakeEngine()))
    with_key, without = request(BODY, "X-API-Key: key"), request()
    found = answers(worker, with_key, with_key, with_key, without, with_key)
    assert [answer.split()[1] for answer in found] == [b"200", b"200", b"200", b"401", b"200"]


def test_a_request_is_read_once(worker: Worker) -> None:
    found = answers(worker, request(), request(), request())
    assert all(reply.startswith(b"HTTP/1.1 200 OK\r\n") and reply.endswith(b'"success"}') for reply in found)
    assert worker.read == [request()]


def test_another_one_is_read_whole(worker: Worker) -> None:
    other = request(b"{}")
    assert answers(worker, request(), other, request())[1].startswith(b"HTTP/1.1 422 ")
    assert worker.read == [request(), other]


def test_what_the_cache_did_not_answer_is_read_again(worker: Worker) -> None:
    stream = request().replace(b"/tts", b"/v1/voices")
    assert answers(worker, stream, stream)[0].startswith(b"HTTP/1.1 404 ")
    assert worker.read == [stream, stream]


def test_a_connection_with_more_than_one_request_at_once_is_always_read(worker: Worker) -> None:
    """Part of what came may wait in the server's parser, so nobody knows where the next request begins."""
    answers(worker, request(), request())
    worker.read.clear()
    asked = (request() + request(), request(), request())
    answers(worker, *asked)
    assert worker.read == [*asked]


def test_a_client_that_is_gone_ends_it(worker: Worker) -> None:
    ours, theirs = socket.socketpair()
    answers(worker, request())
    with Connection.over(ours, Floor()) as connection:
        theirs.sendall(request())
        thread = threading.Thread(target=worker.handle, args=(types.SimpleNamespace(sock=connection),))
        thread.start()
        assert whole(theirs).startswith(b"HTTP/1.1 200 OK\r\n")
        theirs.sendall(request())
        theirs.close()
        thread.join(10)
        assert not thread.is_alive()


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


def test_a_client_of_http_1_0_is_answered_as_one(raw: socket.socket) -> None:
    old = request(BODY, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    with raw:
        for asked in (request(), request(), request(), old, old, old):
            raw.sendall(asked)
            answer = whole(raw)
            assert answer.split(b" 200 ")[0] == asked.split()[2]


def test_a_server_with_other_settings_does_the_same() -> None:
    server = Served(TTS_API_KEYS="key", TTS_LOG_TEXT="1", TTS_VOICE="english", TTS_MAX_TEXT="50")
    try:
        Client(server.url, key="key").wait_until_ready(30)
        asked = request(BODY, "Authorization: Bearer key")
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            found = []
            for _ in range(5):
                sock.sendall(asked)
                found.append(without_its_own(whole(sock)))
            sock.sendall(request())
            assert whole(sock).startswith(b"HTTP/1.1 401 ")
    finally:
        log = server.stop()
    assert len(set(found)) == 1
    lines = [line for line in map(json.loads, log.splitlines()) if line.get("route") == "/tts"]
    told = [{**line, "time": "", "request_id": "", "milliseconds": 0} for line in lines]
    assert [line["status"] for line in told] == [200] * 5 + [401]
    assert all(line == told[0] for line in told[:5])
    assert told[0]["text"] == "你好"
