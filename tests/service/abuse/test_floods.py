"""Floods of every kind, and one honest client beside them, who is answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.service.abuse.attack import Flood, Victim, honest, post, served

SENTENCE = "今天天气很好，我们去公园。"
CLOSE = "Connection: close"


def _asked(number: int, **more: object) -> bytes:
    return post({"text": f"洪水{number}，{time.monotonic_ns()}。", **more}, "/tts", CLOSE)


FLOODS: dict[str, tuple[Callable[[int], bytes], bool]] = {
    "probes": (lambda _: b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", True),
    "readiness": (lambda _: b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", True),
    "measures": (lambda _: b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", True),
    "pages": (lambda _: b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", True),
    "garbage": (lambda n: bytes([n % 256]) * 300 + b"\r\n\r\n", True),
    "half heads": (lambda _: b"GET / HTTP/1.1\r\nHo", True),
    "no JSON": (lambda _: post(b"{" * 1000, "/tts", CLOSE), True),
    "mistakes": (lambda _: post({"text": "好", "speed": 9}, "/tts", CLOSE), True),
    "large bodies": (lambda _: post(b'{"text": "' + b"a" * 200_000 + b'"}', "/tts", CLOSE), True),
    "too large bodies": (
        lambda _: b"POST /tts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        True,
    ),
    "known sounds": (lambda _: post({"text": "一样的"}, "/tts", CLOSE), True),
    "figures": (lambda n: post({"text": f"{n % 10}" * 4900}, "/tts", CLOSE), True),
    "long texts": (lambda n: post({"text": f"{n}" + SENTENCE * 300}, "/tts", CLOSE), True),
    "long texts unread": (lambda n: post({"text": f"{n}" + SENTENCE * 300}, "/tts", CLOSE), False),
    "long streams": (lambda n: post({"text": f"{n}" + SENTENCE * 300}, "/tts/stream", CLOSE), True),
    "long streams unread": (lambda n: post({"text": f"{n}" + SENTENCE * 300}, "/tts/stream", CLOSE), False),
    "silence": (
        lambda n: post(
            {"ssml": "<speak>" + f"{n}" + "<break time='10s'/>" * 150 + "好</speak>"}, "/tts", CLOSE
        ),
        True,
    ),
    "opus": (lambda n: post({"text": f"{n}" + SENTENCE * 80, "format": "opus"}, "/tts", CLOSE), True),
    "mp3 streams": (
        lambda n: post({"model": "tts-1", "input": f"{n}" + SENTENCE * 200}, "/v1/audio/speech", CLOSE),
        True,
    ),
    "markup": (
        lambda n: post({"ssml": "<speak>" + "<p>" * 31 + f"{n}" + "</p>" * 31 + "</speak>"}, "/tts", CLOSE),
        True,
    ),
}


@pytest.fixture
def flood(one: Victim, request: pytest.FixtureRequest) -> Iterator[Flood]:
    data, reads = FLOODS[request.param]
    attackers = Flood(one, data, reads=reads)
    yield attackers
    attackers.stop()
    end = time.monotonic() + 20
    while one.metric("tts_queue_depth"):
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("flood", FLOODS, indirect=True)
def test_an_honest_client_is_answered_beside_it(one: Victim, flood: Flood) -> None:
    time.sleep(0.5)
    answers = honest(one, 12, 0.05)
    assert flood.sent > 20
    assert served(answers) >= 0.9, [(answer.status, round(answer.seconds, 2)) for answer in answers]
    assert one.get("/healthz").seconds < 1
    assert one.get("/readyz").seconds < 1


def test_a_flood_of_short_texts_is_shared(one: Victim) -> None:
    """What does not find room is told to come back, at once; the client does, and is answered."""
    attackers = Flood(one, _asked, clients=48)
    time.sleep(0.5)
    try:
        answers = honest(one, 12, 0.05)
    finally:
        attackers.stop()
    assert {answer.status for answer in answers} <= {200, 429}
    assert all(answer.seconds < 2 for answer in answers)
    assert served(answers) >= 0.9


def test_thousands_of_short_texts_are_refused_with_words(one: Victim) -> None:
    attackers = Flood(one, _asked, clients=400)
    time.sleep(1)
    try:
        answers = [one.say(f"{time.monotonic_ns()}") for _ in range(10)]
    finally:
        attackers.stop()
    assert {answer.status for answer in answers} <= {200, 429}
    assert all(answer.seconds < 8 for answer in answers)
    for answer in answers:
        if answer.status == 429:
            assert (json.loads(answer.body)["code"], answer.headers["retry-after"]) == ("busy", "1")
