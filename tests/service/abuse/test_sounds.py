"""Every format at every length, and work that ends in time."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import time

import pytest
import soundfile

from service.audio.formats import FORMATS
from tests.service.abuse.attack import Victim, closed_after, post, victim

SENTENCE = "今天天气很好，我们去公园。"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("seconds", [10, 100])
def test_every_format_holds_all_of_the_sound(one: Victim, name: str, seconds: int) -> None:
    answer = one.say(SENTENCE * max(1, round(seconds / 3.75)), format=name)
    assert answer.status == 200
    said = answer.json
    assert said["duration"] == pytest.approx(seconds, rel=0.3)
    data = base64.b64decode(said["audio"])
    if name == "pcm":
        assert len(data) == pytest.approx(2 * said["sample_rate"] * said["duration"], abs=50)
        return
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        assert sound.frames / sound.samplerate == pytest.approx(said["duration"], abs=0.2)


@pytest.mark.parametrize("name", ["wav", "opus", "flac"])
def test_the_longest_sound_is_made_or_refused_at_once(one: Victim, name: str) -> None:
    """Twenty-five minutes; what a codec cannot make in time is refused before it is begun."""
    began = time.monotonic()
    answer = one.say(f"{name}" + SENTENCE * 380, 90, format=name)
    if answer.status == 413:
        assert answer.json["code"] == "too_much_sound"
        assert time.monotonic() - began < 2
    else:
        assert answer.status == 200
        assert answer.json["duration"] > 1000
        assert answer.seconds < 65


@pytest.mark.parametrize("name", ["mp3", "opus", "ogg", "flac", "wav", "pcm"])
def test_a_stream_of_every_format_begins_soon(one: Victim, name: str) -> None:
    asked = {"model": "tts-1", "input": SENTENCE * 40 + str(time.monotonic_ns()), "response_format": name}
    began = time.monotonic()
    with one.connect(post(asked, "/v1/audio/speech")) as sock:
        assert sock.recv(1000)
        first = time.monotonic() - began
        size = 0
        while not (data := sock.recv(1 << 18)).endswith(b"0\r\n\r\n"):
            assert data
            size += len(data)
    assert first < 2
    assert size > 100_000


@pytest.fixture(scope="module")
def hasty() -> object:
    """A server with a short deadline."""
    with victim(TTS_DEADLINE="3", TTS_MAX_TEXT="20000") as one:
        yield one


@pytest.mark.parametrize("name", ["opus", "mp3", "ogg", "flac"])
def test_encoding_ends_by_the_deadline(hasty: Victim, name: str) -> None:
    document = "<speak>好" + "<break time='10s'/>" * 100 + "好</speak>"
    answer = hasty.ask(post({"ssml": document, "format": name}))
    assert answer.status in (200, 413, 504)
    assert answer.seconds < 5


def test_a_voice_that_takes_too_long_is_stopped(hasty: Victim) -> None:
    """And the codecs and voices are free again at once."""
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: hasty.say(f"{n}" + SENTENCE * 1400, format="mp3"), range(8)))
    assert {answer.status for answer in answers} <= {413, 429, 503, 504, 200}
    assert max(answer.seconds for answer in answers) < 6
    assert hasty.say("短").seconds < 2


def test_encoding_stops_when_the_client_has_left(one: Victim) -> None:
    document = "<speak>好" + "<break time='10s'/>" * 40 + "好</speak>"
    for _ in range(8):
        with one.connect(post({"ssml": document, "format": "opus"})):
            time.sleep(0.05)
    began = time.monotonic()
    while one.metric("tts_queue_depth"):
        assert time.monotonic() - began < 5
        time.sleep(0.1)
    assert one.say("短", format="opus").seconds < 2


def test_a_gone_stream_is_closed(one: Victim) -> None:
    with one.connect(post({"text": SENTENCE * 100}, "/tts/stream"), buffer=4096) as sock:
        sock.recv(10)
        assert closed_after(sock, 90) < 60
