"""Requests that are known from their bytes: answered as all others are, and never mixed up with others."""

from __future__ import annotations

import http.client
import io
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response
from flask import request as flask_request
from hypothesis import given
from hypothesis import strategies as st

from service.app import create_app
from service.client import Client
from service.http.answers import Answer, RepeatableAnswer
from service.http.context import KEY, Context
from service.server.recall import LONGEST_REQUEST, MOST_REQUESTS, Recall, is_whole
from service.settings.environment import Settings
from service.speech.request import SpeechRequest
from tests.service.conftest import Served, until
from tests.service.fakes import FakeEngine
from tests.service.serving import Serving, serve

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


def whole(sock: socket.socket) -> bytes:
    """One answer, from its first byte to its last."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = sock.recv(1 << 20)
        assert data, received
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(1 << 20)
    return head + b"\r\n\r\n" + body


def answers(serving: Serving, *requests: bytes) -> list[bytes]:
    """What one connection is answered, request by request."""
    said = []
    with serving.connect() as sock:
        for asked in requests:
            sock.sendall(asked)
            said.append(whole(sock))
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

    asked = request(body, "Authorization: Bearer key")
    with serve(app) as serving:
        made, *again = answers(serving, asked, asked, asked, asked)
    assert serving.read == 2  # spoken, found in the cache, and then known
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
    with_key, without = request(BODY, "X-API-Key: key"), request()
    with serve(create_app(SETTINGS["others"], FakeEngine())) as serving:
        found = answers(serving, with_key, with_key, with_key, without, with_key)
    assert [answer.split()[1] for answer in found] == [b"200", b"200", b"200", b"401", b"200"]


@pytest.fixture
def serving(app: Flask, context: Context) -> Iterator[Serving]:
    context.speaker.speak(ASKED).done()
    with serve(app) as serving:
        yield serving


def test_a_request_is_read_once(serving: Serving) -> None:
    found = answers(serving, request(), request(), request())
    assert all(reply.startswith(b"HTTP/1.1 200 OK\r\n") and reply.endswith(b'"success"}') for reply in found)
    assert serving.read == 1


def test_another_one_is_read_whole(serving: Serving) -> None:
    other = request(b"{}")
    assert answers(serving, request(), other, request())[1].startswith(b"HTTP/1.1 400 ")
    assert serving.read == 2


def test_what_the_cache_did_not_answer_is_read_again(serving: Serving) -> None:
    other = request().replace(b"/tts", b"/v1/voices")
    assert answers(serving, other, other)[0].startswith(b"HTTP/1.1 404 ")
    assert serving.read == 2


def test_a_connection_with_more_than_one_request_at_once_is_always_read(serving: Serving) -> None:
    """Part of what came may wait in the parser, so nobody knows where the next request begins."""
    answers(serving, request(), request())
    serving.read = 0
    with serving.connect() as sock:
        file = sock.makefile("rb")
        sock.sendall(request() + request())
        for _ in range(2):
            assert answered(file) == 200
        for _ in range(2):
            sock.sendall(request())
            assert answered(file) == 200
    assert serving.read == 4


def answered(file: io.BufferedReader) -> int:
    """The status of the next answer, which is read to its end."""
    status = int(file.readline().split()[1])
    length = 0
    while (line := file.readline().strip()) != b"":
        name, _, value = line.partition(b": ")
        length = int(value) if name.lower() == b"content-length" else length
    file.read(length)
    return status


def test_a_client_that_is_gone_ends_it(serving: Serving) -> None:
    with serving.connect() as sock:
        sock.sendall(request())
        assert whole(sock).startswith(b"HTTP/1.1 200 OK\r\n")
        sock.sendall(request())
    until(lambda: not serving.connections)


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


def test_a_client_of_http_1_0_is_answered_once(served: Served) -> None:
    """Each time: its bytes are not taken for those of a connection that stays open."""
    old = request(BODY, "Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as sock:
            sock.sendall(old)
            answer = whole(sock)
            assert answer.split(b" ")[1] == b"200"
            assert b"\r\nConnection: close\r\n" in answer
            assert sock.recv(1) == b""


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
