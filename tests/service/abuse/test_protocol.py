"""HTTP as the standard has it, and errors of the server in the shape of all others."""

from __future__ import annotations

import json
import socket
import time

import pytest

from tests.service.abuse.attack import GET, Victim, closed_after, post, read

HOST = b"Host: x\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"GET /healthz\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://x/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET ftp://x/healthz HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET /" + b"a" * 50000, 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 50000, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 80 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Expect: miracles\r\n\r\n", 417),
        (b"FROB /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Content-Length: 999999999\r\n\r\n", 413),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: identity\r\n\r\n", 501),
        (
            b"POST /tts HTTP/1.1\r\n"
            + HOST
            + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /tts HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n", 400),
        (b"POST /tts HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"SCRIPT_NAME: /x\r\n\r\n", 200),
        (b"GET /tts HTTP/1.1\r\n" + HOST + b"SCRIPT_NAME: /tts\r\n\r\n", 405),
        (b"GET /healthz HTTP/1.1\r\n" + HOST + b"X-Forwarded-Prefix: /x\r\nX-Forwarded-For: 1\r\n\r\n", 200),
        (b"GET /%00%ff HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"GET /assets/..%2f..%2fbody.py HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    ],
)
def test_a_request_is_taken_or_refused_as_the_standard_has_it(one: Victim, sent: bytes, status: int) -> None:
    answer = one.ask(sent, 5)
    assert answer.status == status
    if status >= 400:
        said = json.loads(answer.body)
        assert (said["status"], bool(said["code"])) == ("error", True)
        assert said["request_id"] == answer.headers["x-request-id"]
        assert answer.headers["content-type"] == "application/json"


def test_below_v1_the_server_refuses_as_openai_does(one: Victim) -> None:
    answer = one.ask(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
    assert (answer.status, answer.json["error"]["code"]) == (413, "body_too_large")


def test_pipelined_requests_are_answered_in_order(one: Victim) -> None:
    sent = (
        GET
        + post({"text": "一"})
        + b"GET /voices HTTP/1.1\r\nHost: x\r\n\r\n"
        + GET.replace(b"healthz", b"nowhere")
    )
    with one.connect(sent) as sock:
        file = sock.makefile("rb")
        found = []
        for _ in range(4):
            status = int(file.readline().split()[1])
            length = 0
            while (line := file.readline().strip().lower()) != b"":
                length = int(line[15:]) if line.startswith(b"content-length:") else length
            found.append((status, file.read(length)[:9]))
        file.close()
    assert [status for status, _ in found] == [200, 200, 200, 404]
    assert found[1][1] == b'{"audio":'


def test_a_hundred_pipelined_requests_are_answered(one: Victim) -> None:
    with one.connect(GET * 99 + GET.replace(b"Host: x", b"Host: x\r\nConnection: close")) as sock:
        received = b""
        while data := sock.recv(1 << 16):
            received += data
    assert received.count(b"HTTP/1.1 200") == 100


@pytest.mark.parametrize(
    "cut",
    [
        post({"text": "好"})[:-1],
        b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    ],
)
def test_what_is_cut_is_not_done(one: Victim, cut: bytes) -> None:
    with one.connect(cut) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert read(sock, 0).status in (0, 400)


def test_a_client_that_waits_to_be_told_goes_on(one: Victim) -> None:
    head, _, body = post({"text": "好"}, "/tts", "Expect: 100-continue").partition(b"\r\n\r\n")
    with one.connect(head + b"\r\n\r\n") as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 100")
        sock.sendall(body)
        assert read(sock, 0).status == 200


def test_a_body_that_nobody_wants_is_refused_before_it_comes(one: Victim) -> None:
    """Its sender can read why, though it goes on sending."""
    with one.connect(
        b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 500_000
    ) as sock:
        assert read(sock, 0).status == 413
        assert closed_after(sock, 10) < 5


def test_a_client_that_has_said_all_is_answered(one: Victim) -> None:
    with one.connect(post({"text": "说完了"})) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert read(sock, 0).status == 200


def test_a_request_byte_by_byte_is_one(one: Victim) -> None:
    with one.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post({"text": "慢"}):
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        assert read(sock, 0).status == 200
