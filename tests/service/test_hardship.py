"""Hardship: workers killed at random, hostile requests by the hundred, and a stop under load."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import random
import signal
import threading
import time

import hypothesis
import hypothesis.strategies as st
import pytest
from flask.testing import FlaskClient

from service.client import Client, ClientError

from .conftest import Served

RETRYABLE = {0, 429, 502, 503, 504}


def test_workers_killed_at_random_cost_nobody_an_answer() -> None:
    """Four seconds of load while workers die: every request answered correctly, or a retryable error."""
    server = Served(TTS_WORKERS="2", TTS_CACHE_BYTES="0")
    client = Client(server.url, retries=0)
    client.wait_until_ready()
    expected = client.speak("你好，世界。").audio
    before = _memory(server.process.pid)
    end = time.monotonic() + 4
    killed = threading.Thread(target=_kill_workers, args=(server.process.pid, end))
    killed.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            outcomes = [
                o for batch in threads.map(lambda _: _speak_until(client, end), range(6)) for o in batch
            ]
        killed.join()
        assert Client(server.url).speak("你好，世界。").audio == expected
        after = _memory(server.process.pid)
    finally:
        server.stop()
    spoken = [outcome for outcome in outcomes if isinstance(outcome, bytes)]
    refused = {outcome for outcome in outcomes if not isinstance(outcome, bytes)}
    assert set(spoken) == {expected}
    assert refused <= RETRYABLE - {0}
    assert len(spoken) > 20
    assert after < before + 40_000


def _speak_until(client: Client, end: float) -> list[bytes | int]:
    outcomes: list[bytes | int] = []
    while time.monotonic() < end:
        try:
            outcomes.append(client.speak("你好，世界。").audio)
        except ClientError as error:
            outcomes.append(error.status)
    return outcomes


def _kill_workers(root: int, end: float) -> None:
    chance = random.Random(1)
    while time.monotonic() < end:
        workers = [process for process in _descendants(root) if b"espeak_worker" in _command(process)]
        if workers:
            os.kill(chance.choice(workers), chance.choice((signal.SIGKILL, signal.SIGSEGV)))
        time.sleep(0.3)


def _descendants(root: int) -> list[int]:
    found = [root]
    for process in found:
        for children in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            try:
                found.extend(map(int, children.read_text().split()))
            except OSError:
                continue
    return found[1:]


def _command(process: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _memory(root: int) -> int:
    """Resident kilobytes of the server's own processes, its workers left out: they come and go."""
    total = 0
    for process in (root, *_descendants(root)):
        if b"espeak_worker" not in _command(process):
            status = pathlib.Path(f"/proc/{process}/status").read_text()
            total += int(status.partition("VmRSS:")[2].split()[0])
    return total


def test_a_stop_under_load_loses_nothing_that_was_taken() -> None:
    """Eight clients in a loop; after SIGTERM each either gets its whole answer or no connection at all."""
    server = Served(TTS_WORKERS="2")
    client = Client(server.url, retries=0)
    client.wait_until_ready()
    broken: list[str] = []
    answered: list[float] = []

    def loop(number: int) -> None:
        for turn in range(10_000):
            try:
                answered.append(client.speak(f"第{number}人第{turn}句。").duration)
            except ClientError as error:
                if "refused" not in str(error):
                    broken.append(str(error))
                return

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        running = [threads.submit(loop, number) for number in range(8)]
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        concurrent.futures.wait(running, timeout=30)
    server.stop()
    assert len(answered) > 8
    assert not broken


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.text(max_size=5), inside, max_size=3)
    ),
    max_leaves=5,
)
_FIELDS = ("text", "ssml", "voice", "emotion", "intensity", "speed", "pitch", "format", "other")


@hypothesis.given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=5))
@hypothesis.settings(max_examples=300, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_no_object_is_a_500(http: FlaskClient, asked: dict) -> None:
    response = http.post("/tts", data=json.dumps(asked), content_type="application/json")
    assert response.status_code in (200, 400, 422)


@hypothesis.given(st.text(min_size=1, max_size=60, alphabet=st.characters()))
@hypothesis.settings(max_examples=200, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_any_text_is_spoken_or_refused_by_the_real_voice(real_http: FlaskClient, text: str) -> None:
    response = real_http.post("/tts", data=json.dumps({"text": text}), content_type="application/json")
    assert response.status_code in (200, 422), response.text


@pytest.mark.parametrize(
    "text", ["。" * 4000, "a" * 4000, "😀" * 2000, "1" * 1000, "﷽" * 500, "\u0300" * 3000, "𝕳" * 900]
)
def test_odd_texts_are_quick(real_http: FlaskClient, text: str) -> None:
    started = time.monotonic()
    assert real_http.post("/tts", json={"text": text}).status_code in (200, 422)
    assert time.monotonic() - started < 30
