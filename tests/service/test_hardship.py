"""Hardship: a stop under load, and requests and texts of any kind."""

from __future__ import annotations

import concurrent.futures
import json
import signal
import time

import hypothesis
import hypothesis.strategies as st
import pytest
from flask.testing import FlaskClient

from service.client import Client, ClientError

from .conftest import Served


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
def test_no_object_is_a_500(http: FlaskClient, asked: dict[str, object]) -> None:
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
