"""Live conversations, attacked: every frame, wait, byte and connection is bounded, and others are served."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from tests.service.abuse.attack import QUICK, Victim, honest, judge_log, served
from tests.service.fakes import keys
from tests.service.talking import Talker, talking

MOST = 6
TEXT, SOUND, PING, CLOSE = 0x81, 0x82, 0x89, 0x88


@pytest.fixture(scope="module")
def one() -> Iterator[Victim]:
    """A server with ears that need no model, and one web process, so that all is held by one."""
    victim = Victim(
        {**QUICK, "TTS_EARS": "dtmf", "TTS_RESPONDER": "echo", "TTS_LIVE": str(MOST), "TTS_WEB": "1"}
    )
    before = (victim.webs, victim.voices)
    try:
        yield victim
        assert (victim.webs, victim.voices) == before
    finally:
        log = victim.stop()
    judge_log(log)


def frame(first: int, payload: bytes = b"", *, length: int | None = None, mask: bool = True) -> bytes:
    """A frame that may lie of its length."""
    size = len(payload) if length is None else length
    masked = 0x80 if mask else 0
    if size < 126:
        head = bytes([first, masked | size])
    elif size < 1 << 16:
        head = bytes([first, masked | 126]) + struct.pack("!H", size)
    else:
        head = bytes([first, masked | 127]) + struct.pack("!Q", size)
    return head + (bytes(4) if mask else b"") + payload


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(SOUND, mask=False), 1002),
        (frame(0xF2, b"x"), 1002),
        (frame(0x83, b"x"), 1002),
        (frame(0x80, b"x"), 1002),
        (frame(PING, bytes(126)), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(SOUND, length=1 << 62) + bytes(1 << 17), 1009),
        (frame(0x02, bytes(60000)) + frame(0x00, bytes(60000)) * 3, 1009),
        (frame(PING) * 2000, 1008),
        (frame(SOUND) * 2000, 1008),
        (frame(0x02) + frame(0x00) * 2000, 1008),
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
    ],
    ids=[
        "unmasked", "reserved bits", "unknown kind", "continues nothing", "long ping", "no UTF-8", "endless",
        "in parts", "pings", "empty", "empty parts", "HTTP",
    ],
)  # fmt: skip
def test_what_is_no_conversation_is_closed_with_its_code(one: Victim, sent: bytes, code: int) -> None:
    with talking(one.port) as talker:
        with contextlib.suppress(ConnectionError):
            talker.raw(sent)
        talker.wait_for_end(10)
        assert talker.closed == code


def test_half_a_frame_is_given_up(one: Victim) -> None:
    with talking(one.port) as talker:
        talker.answers_pings = False
        talker.raw(frame(SOUND, bytes(10), length=20)[:-5])
        assert talker.wait_for_end(15) < 12


def test_frames_of_chance_do_no_harm(one: Victim) -> None:
    for _ in range(30):
        with talking(one.port) as talker, contextlib.suppress(ConnectionError):
            talker.raw(os.urandom(2000))
    assert served(honest(one, 3, 0)) == 1


def test_sound_without_end_holds_no_more_than_half_a_minute(one: Victim) -> None:
    """Whoever sends faster than it is heard is read no further; others are served, and nothing grows."""
    before = one.memory
    sound = (keys("1", seconds=0.3).pcm + bytes(32000)) * 4
    with contextlib.ExitStack() as stack:
        talkers = [stack.enter_context(talking(one.port)) for _ in range(MOST)]
        for talker in talkers:
            talker.sock.setblocking(False)
        until = time.monotonic() + 4
        data = b"".join(frame(SOUND, sound[place : place + 32000]) for place in range(0, len(sound), 32000))
        while time.monotonic() < until:
            for talker in talkers:
                with contextlib.suppress(OSError):
                    talker.sock.send(data)
            time.sleep(0.05)
        assert served(honest(one, 4, 0.1)) == 1
        assert one.memory - before < 60


def test_who_does_not_read_is_dropped(one: Victim) -> None:
    """Answers of megabytes, of which nothing is taken."""
    text = "春眠不觉晓，处处闻啼鸟。" * 300
    talkers = []
    for _ in range(MOST):
        talker = Talker(one.port)
        talker.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talker.tell(type="text", text=text)
        talkers.append(talker)
    time.sleep(8)
    assert served(honest(one, 3, 0)) == 1
    with talking(one.port) as another:  # there is room again
        assert another.status == 101
    for talker in talkers:
        talker.close()


def test_a_crowd_of_handshakes_is_told_to_come_back(one: Victim) -> None:
    with contextlib.ExitStack() as stack:
        talkers = [stack.enter_context(talking(one.port)) for _ in range(60)]
        assert {talker.status for talker in talkers} == {101, 429}
        assert sum(talker.status == 101 for talker in talkers) <= MOST
        assert served(honest(one, 3, 0)) == 1


def test_who_leaves_gives_back_everything(one: Victim) -> None:
    for number in range(40):
        with talking(one.port) as talker:
            if talker.status == 101:
                talker.say(keys("12").pcm)
                talker.tell(type="text", text="一二三四五六七八九十。" * 20)
            if number % 2:
                talker.raw(frame(CLOSE, struct.pack("!H", 1000)))
    until = time.monotonic() + 10
    while one.metric("tts_queue_depth"):
        assert time.monotonic() < until
        time.sleep(0.1)
    with contextlib.ExitStack() as stack:
        assert {stack.enter_context(talking(one.port)).status for _ in range(MOST)} == {101}
