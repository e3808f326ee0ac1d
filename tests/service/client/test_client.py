"""The clients, against a running service and against servers that behave badly."""

from __future__ import annotations

import asyncio
import email.utils
import http.server
import json
import pathlib
import socket
import threading
import time
import wave
from collections.abc import Iterator

import pytest

from service.client import Client, ClientError
from service.client.asynchronous import AsyncClient
from tests.service.conftest import Served


def test_a_stream_becomes_a_file_of_true_length(served: Served, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "long.wav"
    Client(served.url).save("第一句。第二句。第三句。", path)
    with wave.open(str(path)) as file:
        seconds = file.getnframes() / file.getframerate()
    assert seconds == pytest.approx(Client(served.url).speak("第一句。第二句。第三句。").duration, abs=0.001)
    assert [entry.name for entry in tmp_path.iterdir()] == ["long.wav"]


def test_a_refused_stream_leaves_no_file(served: Served, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ClientError, match="unknown_voice"):
        Client(served.url).save("好", tmp_path / "x.wav", voice="nobody")
    assert not list(tmp_path.iterdir())


def test_asyncio_gets_the_same(served: Served) -> None:
    async def both() -> None:
        client = AsyncClient(served.url)
        await client.wait_until_ready()
        one, other = await asyncio.gather(client.speak("第一。"), client.speak("第二。"))
        assert one.duration > 0.3
        assert other.duration > 0.3
        pieces = [piece async for piece in client.stream("第一。", format="pcm")]
        assert b"".join(pieces) == one.audio[44:]
        assert "mandarin" in str(await client.voices())

    asyncio.run(both())


class MoodyServer(http.server.ThreadingHTTPServer):
    """A server that is told its answers: status, headers and body of each."""

    answers: list[tuple[int, dict[str, str], bytes]]


class Moody(http.server.BaseHTTPRequestHandler):
    """Answers what the test put into its server's list, one after the other."""

    def do_POST(self) -> None:
        assert isinstance(self.server, MoodyServer)
        status, headers, body = self.server.answers.pop(0)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def moody() -> Iterator[MoodyServer]:
    with MoodyServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


GOOD = json.dumps({"audio": "AAAA", "sample_rate": 16000, "duration": 1.0, "status": "success"}).encode()


def client_of(server: http.server.ThreadingHTTPServer, pauses: list[float]) -> Client:
    return Client(f"http://127.0.0.1:{server.server_port}", sleep=pauses.append)


def test_it_waits_as_long_as_it_is_told(moody: MoodyServer) -> None:
    refused = json.dumps({"error": "later", "code": "busy"}).encode()
    moody.answers = [(429, {"Retry-After": "3"}, refused), (503, {}, b"not json"), (200, {}, GOOD)]
    pauses: list[float] = []
    assert client_of(moody, pauses).speak("好").sample_rate == 16000
    assert 3 <= pauses[0] <= 4.5
    assert pauses[1] < 1


def test_a_date_is_understood_as_well(moody: MoodyServer) -> None:
    later = email.utils.formatdate(time.time() + 5, usegmt=True)
    moody.answers = [(503, {"Retry-After": later}, b""), (200, {}, GOOD)]
    pauses: list[float] = []
    client_of(moody, pauses).speak("好")
    assert 3 <= pauses[0] <= 7.5


@pytest.mark.parametrize("after", ["soon", "-1", "", "Wed, 99 Nov 2026 00:00:00 GMT", "٣"])
def test_what_is_no_time_is_not_waited_for(moody: MoodyServer, after: str) -> None:
    moody.answers = [(503, {"Retry-After": after.encode().decode("latin-1")}, b""), (200, {}, GOOD)]
    pauses: list[float] = []
    client_of(moody, pauses).speak("好")
    assert pauses[0] < 1


@pytest.mark.parametrize(
    "body",
    [b"not json", b"[]", b"{}", b'{"audio": 5}', b'{"audio": "!", "sample_rate": 1, "duration": 1}', b"\xff"],
)
def test_a_reply_that_means_nothing_is_tried_again(moody: MoodyServer, body: bytes) -> None:
    moody.answers = [(200, {}, body), (200, {}, GOOD)]
    assert client_of(moody, []).speak("好").duration == 1.0


def test_a_reply_that_means_nothing_each_time_is_a_client_error(moody: MoodyServer) -> None:
    moody.answers = [(200, {}, b"<html>")] * 5
    with pytest.raises(ClientError) as caught:
        client_of(moody, []).speak("好")
    assert caught.value.retryable


def test_a_mistake_is_not_retryable(moody: MoodyServer) -> None:
    moody.answers = [(422, {}, b'{"error": "no", "code": "invalid_field"}')]
    with pytest.raises(ClientError) as caught:
        client_of(moody, []).speak("好")
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n01234",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_a_reply_that_is_cut_is_told_from_one_that_ended(cut: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                sock, _ = server.accept()
                with sock:
                    sock.recv(65536)
                    sock.sendall(cut)

        thread = threading.Thread(target=answer)
        thread.start()
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", retries=0)
        with pytest.raises(ClientError) as caught:
            client.speak("好")
        assert (caught.value.status, caught.value.retryable) == (0, True)
        with pytest.raises(ClientError):
            list(client.stream("好"))
        thread.join()


def test_it_gives_up_and_says_why(moody: MoodyServer) -> None:
    moody.answers = [(503, {}, b"<html>")] * 5
    pauses: list[float] = []
    with pytest.raises(ClientError) as caught:
        client_of(moody, pauses).speak("好")
    assert caught.value.status == 503
    assert len(pauses) == 4


def test_an_address_must_be_one() -> None:
    with pytest.raises(ClientError, match="http"):
        Client("file:///etc/passwd")
