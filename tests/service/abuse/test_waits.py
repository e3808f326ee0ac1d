"""Every wait has its time, at every stage, and holds nothing from others."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator

import pytest

from tests.service.abuse.attack import GET, Victim, closed_after, crowd, honest, post, read, served

LONG = "春眠不觉晓，处处闻啼鸟。" * 120
BREAKS = "<speak>好" + "<break time='10s'/>" * 60 + "好</speak>"

HELD = {
    "silent": b"",
    "one byte": b"G",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "a head": b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "half a body": post({"text": "好"})[:-1],
    "half a chunk": b"POST /tts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "idle": GET,
}


@pytest.mark.parametrize("sent", HELD.values(), ids=HELD)
def test_it_is_closed_in_time(one: Victim, sent: bytes) -> None:
    with one.connect(sent) as sock:
        assert closed_after(sock, 8) < 5


def test_one_that_is_late_is_told(one: Victim) -> None:
    for sent in (HELD["half a head"], HELD["a head"]):
        with one.connect(sent) as sock:
            answer = read(sock, 0)
        assert (answer.status, answer.json["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("stage", ["head", "body"])
def test_drops_do_not_keep_it_open(one: Victim, stage: str) -> None:
    """A byte now and then is no progress: the whole head, and the whole body, have their time."""
    begin = b"GET /healthz HTTP/1.1\r\n" if stage == "head" else HELD["a head"]
    with one.connect(begin) as sock:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for _ in range(30):
                sock.sendall(b"X")
                sock.settimeout(0.25)
                with contextlib.suppress(TimeoutError):
                    if not sock.recv(1000) or time.monotonic() - began > 7:
                        break
        assert time.monotonic() - began < 6


@pytest.mark.parametrize("path", ["/tts", "/tts/stream", "/v1/audio/speech"])
def test_an_answer_that_nobody_reads_is_dropped(one: Victim, path: str) -> None:
    name = "input" if path.startswith("/v1") else "text"
    asked = {name: LONG, **({"model": "tts-1", "response_format": "wav"} if name == "input" else {})}
    with one.connect(post(asked, path), buffer=4096) as sock:
        time.sleep(5.5)
        assert one.metric("tts_queue_depth") == 0
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := sock.recv(1 << 16):
                received += len(data)
        assert received < 20_000_000


def test_a_reader_of_drops_is_dropped(one: Victim) -> None:
    """Two kilobytes a second of an answer of megabytes."""
    with one.connect(post({"text": LONG}), buffer=4096) as sock:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while sock.recv(512):
                time.sleep(0.25)
                assert time.monotonic() - began < 20
        assert time.monotonic() - began < 15


@contextlib.contextmanager
def attackers(one: Victim, kind: str) -> Iterator[None]:
    sent = {"unread stream": post({"ssml": BREAKS}, "/tts/stream"), "unread answer": post({"ssml": BREAKS})}
    with crowd(one, 1000 if kind in HELD else 80, {**HELD, **sent}[kind], 4096):
        yield


@pytest.fixture(scope="module")
def usual(one: Victim) -> float:
    """Seconds that an ordinary request takes when nobody else is there."""
    honest(one, 5, 0)
    return statistics.median(answer.seconds for answer in honest(one, 15, 0.02))


@pytest.mark.parametrize("kind", [*HELD, "unread stream", "unread answer"])
def test_a_crowd_of_them_slows_nobody(one: Victim, usual: float, kind: str) -> None:
    """A thousand of each, or eighty that are not read; a request takes at most half as long again."""
    with attackers(one, kind):
        time.sleep(0.3)
        assert one.get("/healthz").seconds < 1
        assert one.get("/readyz").seconds < 1
        answers = honest(one, 12, 0.05)
        assert served(answers) == 1
        if kind in HELD:
            assert statistics.median(answer.seconds for answer in answers) < 1.5 * usual + 0.02
    time.sleep(0.5)


def test_clients_that_left_cost_nothing(one: Victim) -> None:
    """Fifty long texts whose clients have gone."""
    for path in ("/tts", "/tts/stream"):
        with crowd(one, 50, post({"text": LONG}, path)):
            time.sleep(0.3)
        began = time.monotonic()
        while one.metric("tts_queue_depth"):
            assert time.monotonic() - began < 5
            time.sleep(0.1)
        assert one.say("还在吗").seconds < 2


def test_the_limits_are_those_of_the_settings(one: Victim) -> None:
    """Nothing of all this was counted against the next one."""
    assert one.metric("tts_queue_depth") == 0
    assert served(honest(one, 10, 0.02)) == 1
