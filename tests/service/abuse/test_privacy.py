"""Nothing that a caller wrote is in the log, and every line of it is JSON."""

from __future__ import annotations

import json

from tests.service.abuse.attack import Victim, judge_log, post

SECRET = "患者张三的秘密 Patient-John-Smith"
ODD = "\u2028\u2029\x85\u202e\r\n\x1b"


def test_no_words_of_a_caller_are_logged() -> None:
    one = Victim()
    for fields in (
        {"text": SECRET}, {"ssml": f"<speak>{SECRET}</speak>"}, {"ssml": f"<speak><{SECRET}/></speak>"},
        {"text": "好", "voice": SECRET}, {"text": "好", "emotion": SECRET}, {"text": "好", "format": SECRET},
        {"text": "好", SECRET: 1}, {"text": "好", "speed": SECRET},
    ):  # fmt: skip
        one.ask(post(fields))
        one.ask(post(fields, "/tts/stream"))
    for fields in (
        {"instructions": SECRET}, {"voice": SECRET}, {"response_format": SECRET}, {"model": SECRET},
        {"stream_format": SECRET}, {SECRET: SECRET},
    ):  # fmt: skip
        one.ask(post({"model": "tts-1", "input": "好", **fields}, "/v1/audio/speech"))
    mark = b"Patient-John-Smith"
    for head in (
        b"GET /" + mark + b"?" + mark + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        mark + b" / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: "
        + mark
        + b"\r\nUser-Agent: "
        + mark
        + b"\r\nCookie: "
        + mark
        + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: " + mark + b" <>\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + mark + b"\r\n\r\n",
        mark * 2000,
    ):
        one.ask(head)
    log = one.stop()
    judge_log(log)
    assert "John" not in log
    assert "张三" not in log
    assert max(map(len, log.splitlines())) < 1000


def test_text_that_is_to_be_logged_is_one_line() -> None:
    one = Victim({"TTS_LOG_TEXT": "1"})
    one.say(f"好{ODD}好")
    log = one.stop()
    (line,) = [line for line in log.splitlines() if '"text"' in line]
    assert json.loads(line)["text"] == f"好{ODD}好"
    assert not set(ODD) & set(log.replace("\n", ""))
