"""A running service that listens: the official client, hostile sounds, processes that die, and its log."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import pathlib
import random
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
import soundfile

from service.audio.encoding import encode_audio
from service.audio.formats import wav_header
from service.audio.pcm import Audio
from service.client import Client
from tests.service.conftest import Served, until
from tests.service.fakes import keys

HOSTILE = 60
HEAD = b"POST /asr HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\n"


@pytest.fixture(scope="module")
def listening() -> Iterator[Served]:
    server = Served(TTS_EARS="dtmf", TTS_WEB="1", TTS_MAX_UPLOAD="4000000", TTS_MAX_AUDIO="120")
    try:
        Client(server.url).wait_until_ready(60)
        yield server
    finally:
        log = server.stop()
        lines = [json.loads(line) for line in log.splitlines()]
        assert not [line for line in lines if "traceback" in line], log
        assert "12345" not in log  # what was said is nobody's business


def wav(sound: Audio) -> bytes:
    return wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm


def send(server: Served, data: bytes) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", "/asr", data, {"Content-Type": "audio/wav"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_the_official_client_is_understood(listening: Served) -> None:
    client = openai.OpenAI(base_url=f"{listening.url}/v1", api_key="none", max_retries=0)
    file = ("sound.flac", encode_audio(keys("12345"), "flac"))
    assert client.audio.transcriptions.create(model="whisper-1", file=file).text == "12345"
    told = client.audio.transcriptions.create(
        model="whisper-1", file=file, response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert [word.word for word in told.words or ()] == [*"12345"]
    events = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True)
    assert [event.type for event in events][-1] == "transcript.text.done"
    assert "whisper-1" in [model.id for model in client.models.list()]
    with pytest.warns(DeprecationWarning, match="deprecated"), pytest.raises(openai.UnprocessableEntityError):
        client.audio.translations.create(model="whisper-1", file=file)
    client.close()


def hostile(chance: random.Random) -> bytes:
    """A sound that is none, or that says of itself what is not so."""
    good = wav(keys("123"))
    kind = chance.randrange(9)
    if kind == 0:
        return good[: chance.randrange(len(good))]
    if kind == 1:
        return chance.randbytes(chance.randrange(3000))
    if kind == 2:  # bits of a header
        at = chance.randrange(44)
        return good[:at] + chance.randbytes(1) + good[at + 1 :]
    if kind == 3:  # ten hours in a kilobyte
        return good[:40] + struct.pack("<I", 36000 * 32000) + good[44:1068]
    if kind == 4:
        form = chance.choice(("flac", "mp3", "ogg", "opus"))
        data = bytearray(encode_audio(keys("123", 24000), form))
        for _ in range(20):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    if kind == 5:  # many channels at a high rate
        file = io.BytesIO()
        soundfile.write(file, np.zeros((4000, 8), np.float32), 192000, format="WAV")
        return file.getvalue()
    if kind == 6:
        file = io.BytesIO()
        samples = np.full(1000, chance.choice((np.nan, np.inf, 1e30)), np.float32)
        soundfile.write(file, samples, 16000, format="WAV", subtype="FLOAT")
        return file.getvalue()
    if kind == 7:  # what takes much room of a small file
        return encode_audio(Audio(bytes(2 * 16000 * 600), 16000), "flac")
    return b"\x1aE\xdf\xa3" + chance.randbytes(500)  # the beginning of WebM


def test_hostile_sounds_are_refused_or_heard(listening: Served) -> None:
    """Never a 500, and whoever comes next is heard."""
    chance = random.Random(7)
    statuses = [send(listening, hostile(chance))[0] for _ in range(HOSTILE)]
    assert set(statuses) <= {200, 422}
    assert {200, 422} <= set(statuses)
    assert Client(listening.url).hear(wav(keys("12345"))).text == "12345"


def test_ears_that_die_are_replaced(listening: Served) -> None:
    """Each request that is underway is asked once more, so nobody notices one death."""
    ears = [pid for pid in _children(listening.process.pid) if "dtmf_worker" in _command(pid)]
    assert ears
    os.kill(ears[0], signal.SIGKILL)
    assert send(listening, wav(keys("12345")))[1]["text"] == "12345"


def test_a_body_without_room_is_refused_before_it_comes(listening: Served) -> None:
    with socket.create_connection(("127.0.0.1", listening.port), 20) as sock:
        sock.sendall(HEAD + b"Content-Length: 5000000\r\n\r\n")
        assert b" 413 " in sock.recv(4096)
    with socket.create_connection(("127.0.0.1", listening.port), 20) as sock:  # what nobody declared
        sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        piece = b"40000\r\n" + bytes(0x40000) + b"\r\n"

        def pour() -> None:
            try:
                for _ in range(40):
                    sock.sendall(piece)
            except OSError:
                pass  # refused, as it should be

        pouring = threading.Thread(target=pour)
        pouring.start()
        assert b" 413 " in sock.recv(4096)
        pouring.join(20)


def test_bodies_that_are_on_their_way_take_room() -> None:
    """Of four megabytes, three are for long requests: one body of two leaves no room for a second one."""
    server = Served(TTS_EARS="dtmf", TTS_WEB="1", TTS_ANSWER_BYTES="4000000")
    try:
        Client(server.url).wait_until_ready(60)
        with socket.create_connection(("127.0.0.1", server.port), 20) as first:
            first.sendall(HEAD + b"Content-Length: 2000000\r\n\r\n" + b"RIFF" * 450_000)
            until(lambda: _answer_to_a_head(server) == 429)
        until(lambda: _answer_to_a_head(server) is None)
    finally:
        server.stop()


def _answer_to_a_head(server: Served) -> int | None:
    """The status with which such a body is refused; None where it is waited for."""
    with socket.create_connection(("127.0.0.1", server.port), 0.5) as sock:
        sock.sendall(HEAD + b"Content-Length: 2000000\r\n\r\n")
        try:
            return int(sock.recv(4096).split()[1])
        except TimeoutError:
            return None


def test_who_names_much_and_sends_little_takes_no_room_from_others() -> None:
    """Of the three megabytes two bodies of two are named, and a byte of each has come: there is room."""
    server = Served(TTS_EARS="dtmf", TTS_WEB="1", TTS_ANSWER_BYTES="4000000")
    try:
        Client(server.url).wait_until_ready(60)
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20))
                sock.sendall(HEAD + b"Content-Length: 2000000\r\n\r\nR")
            time.sleep(0.5)
            assert _answer_to_a_head(server) is None
    finally:
        server.stop()


def test_whoever_leaves_while_sending_leaves_no_room_taken(listening: Served) -> None:
    """Twenty uploads of four megabytes are begun and left; then there is room for a sound."""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", listening.port), 20) as sock:
            sock.sendall(HEAD + b"Content-Length: 3900000\r\n\r\nRIFF")
            time.sleep(0.01)
    until(lambda: send(listening, wav(keys("7")))[1].get("text") == "7")


def _children(pid: int) -> list[int]:
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text()
