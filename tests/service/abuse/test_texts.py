"""Texts and markup that somebody meant to be hard: answered or refused soon, while others are answered."""

from __future__ import annotations

import concurrent.futures
import json
import time
from typing import Any

import pytest

from tests.service.abuse.attack import Victim, post

SIGNS = (
    "1",
    "111,",
    "1.",
    "1-",
    "1/",
    "9:",
    "$1",
    "¥1到",
    "1km",
    "a1",
    "1e9",
    "-5~",
    "0=",
    "٣",
    "१",
    "𝟡",
    "９",
    "①",
    "½",
)
WORDS = (
    "啊",
    "a",
    "z",
    "é",
    "ß",
    "ﷺ",
    "﷽",
    "😀",
    "👩‍👩‍👧‍👦",
    "🇨🇳",
    "\u0301",
    "\u0316\u0301",
    "ก",
    "ा",
    "\u200b",
    "\u202e",
    "𠮷",
    "\ufeff",
)
OTHERS = (
    " ",
    "\n",
    "\t",
    "。",
    "!",
    "…",
    "—",
    "(",
    "[[",
    "http://a.b/",
    "www.x.y/z?",
    "a@b.",
    "#",
    "%",
    "\\",
    "<",
    "&amp;",
    "0 ",
)
MARKUP = {
    "breaks": "<speak>好" + "<break time='10s'/>" * 170 + "好</speak>",
    "breaks alone": "<speak>" + "<break/>" * 550 + "</speak>",
    "deep": "<speak>" + "<prosody rate='fast'>" * 60 + "好" + "</prosody>" * 60 + "</speak>",
    "many voices": "<speak>" + "<voice name='english'>a</voice>" * 150 + "</speak>",
    "many emotions": "<speak>" + "<emotion category='sad'>好</emotion>" * 110 + "</speak>",
    "many readings": "<speak>" + "<phoneme ph='hang2'>行</phoneme>" * 150 + "</speak>",
    "aliases": "<speak>" + "<sub alias='一二三四五六七八九十'>x</sub>" * 140 + "</speak>",
    "figures": "<speak>" + "<say-as interpret-as='digits'>" + "1" * 4000 + "</say-as></speak>",
    "a number": "<speak>" + "<say-as interpret-as='cardinal'>" + "1" * 4000 + "x</say-as></speak>",
    "laughs": '<!DOCTYPE speak [<!ENTITY a "哈"><!ENTITY b "&a;&a;&a;&a;">]><speak>&b;</speak>',
    "one long name": "<speak><" + "a" * 4000 + "/></speak>",
    "many attributes": "<speak " + " ".join(f"a{n}='x'" for n in range(400)) + ">好</speak>",
    "comments": "<speak>好" + "<!---->" * 600 + "</speak>",
    "slow": "<speak><prosody rate='x-slow'>" + "好，" * 700 + "</prosody></speak>",
    "fast and slow": "<speak>"
    + "<prosody rate='50%'>好</prosody><prosody rate='200%'>好</prosody>" * 60
    + "</speak>",
}


@pytest.mark.parametrize("sign", [*SIGNS, *WORDS, *OTHERS])
def test_five_thousand_of_a_sign(one: Victim, sign: str) -> None:
    """While it is worked on, probes and others are answered."""
    text = (sign * 5000)[:4990]
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        hard = threads.submit(one.say, text, speed=2.0)
        time.sleep(0.02)
        health, other = (
            threads.submit(one.get, "/healthz"),
            threads.submit(one.say, f"你好{time.monotonic_ns()}"),
        )
        assert (health.result().status, health.result().seconds < 1) == (200, True)
        assert (other.result().status, other.result().seconds < 2) == (200, True)
        answer = hard.result()
    assert answer.status in (200, 422)
    assert answer.seconds < 30


@pytest.mark.parametrize("document", MARKUP.values(), ids=MARKUP)
def test_markup_that_is_hard(one: Victim, document: str) -> None:
    answer = one.ask(post({"ssml": document}))
    assert answer.status in (200, 413, 422), answer.body[:200]
    assert answer.seconds < 30
    assert one.say(f"{time.monotonic_ns()}").seconds < 2


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000, b'{"text":' * 20_000, b'{"a":' + b"9" * 200_000 + b"}",
        b'"' + b"\\u0000" * 30_000 + b'"', b'{"text": "' + b"a" * 250_000 + b'"}',
        b"{" + b",".join(b'"k%d": 1' % n for n in range(20_000)) + b"}",
        b'{"text": "x", "speed": 1e' + b"9" * 1000 + b"}", b"\xff" * 100_000, b'{"text": "\xed\xa0\x80"}',
        b'{"voice": "' + b"v" * 200_000 + b'", "text": "a"}',
    ],
)  # fmt: skip
def test_bodies_that_are_hard(one: Victim, body: bytes) -> None:
    for path in ("/tts", "/v1/audio/speech", "/tts/stream"):
        answer = one.ask(post(body, path))
        assert answer.status in (400, 413, 422)
        assert answer.seconds < 2
        assert json.loads(answer.body)["error"]


def test_six_texts_of_figures_at_once(one: Victim) -> None:
    """As many once held the service for 106 seconds."""
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        hard = [threads.submit(one.say, f"{n}" * 5000) for n in range(1, 7)]
        time.sleep(0.05)
        for path in ("/healthz", "/readyz"):
            assert one.get(path).seconds < 1
        assert one.say("还好吗").seconds < 2
        for future in hard:
            answer = future.result()
            assert answer.status in (200, 429)
            assert answer.seconds < 40


def test_equal_requests_at_once_are_spoken_once(one: Victim) -> None:
    before = one.metric("tts_audio_seconds_total")
    asked: dict[str, Any] = {"text": "六十四个人同时要同一句话，" * 5, "speed": 1.23}
    with concurrent.futures.ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: one.ask(post(asked)), range(32)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    spoken = one.metric("tts_audio_seconds_total") - before
    assert spoken <= answers[0].json["duration"] * 1.01 + 3
