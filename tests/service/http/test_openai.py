"""The API that clients of OpenAI call: by hand, and with the official client against a running service."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import Served
from tests.service.fakes import FakeEngine

ASKED = {"model": "tts-1", "input": "你好，世界", "voice": "alloy"}


def test_speech_is_mp3_unless_asked_otherwise(http: FlaskClient, engine: FakeEngine) -> None:
    response = http.post("/v1/audio/speech", json=ASKED)
    assert (response.status_code, response.mimetype) == (200, "audio/mpeg")
    assert engine.said[0].voice == "first"


def test_raw_samples_have_the_rate_that_clients_expect(http: FlaskClient) -> None:
    """Five characters are half a second of the fake voice, at 24 kHz."""
    response = http.post("/v1/audio/speech", json={**ASKED, "response_format": "pcm"})
    assert len(response.data) == 2 * 24000 * 0.5


def test_instructions_may_name_an_emotion(http: FlaskClient, engine: FakeEngine) -> None:
    assert http.post("/v1/audio/speech", json={**ASKED, "instructions": "sad"}).status_code == 200
    assert engine.said[0].emotion == "sad"


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "gpt-9"}, 404, "model_not_found", "model"),
        ({"model": None}, 422, "invalid_field", "model"),
        ({"input": ""}, 422, "invalid_field", "input"),
        ({"voice": "nobody"}, 422, "unknown_voice", "voice"),
        ({"voice": {"id": "x"}}, 422, "invalid_field", "voice"),
        ({"response_format": "aac"}, 422, "invalid_field", "response_format"),
        ({"instructions": "Speak like a pirate"}, 422, "unknown_emotion", "emotion"),
        ({"stream_format": "sse"}, 422, "unsupported", "stream_format"),
        ({"colour": "red"}, 422, "invalid_field", "colour"),
    ],
)
def test_errors_have_their_shape(
    http: FlaskClient, change: dict[str, object], status: int, code: str, param: str
) -> None:
    response = http.post("/v1/audio/speech", json={**ASKED, **change})
    error = response.get_json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"


def test_the_official_client_speaks(served: Served) -> None:
    openai = pytest.importorskip("openai")
    soundfile = pytest.importorskip("soundfile")
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)
    whole = client.audio.speech.create(
        model="tts-1", voice="mandarin", input="你好，世界！", response_format="wav"
    )
    samples, rate = soundfile.read(io.BytesIO(whole.content))
    assert len(samples) / rate > 1
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="第一句。第二句。", response_format="pcm"
    ) as stream:
        assert sum(len(piece) for piece in stream.iter_bytes()) > 24000
    assert "tts-1" in [model.id for model in client.models.list()]
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.audio.speech.create(model="tts-1", voice="nobody", input="好")
    assert caught.value.code == "unknown_voice"
    client.close()


def test_the_same_again_is_not_spoken_again(http: FlaskClient, engine: FakeEngine) -> None:
    first, second = (http.post("/v1/audio/speech", json=ASKED) for _ in range(2))
    assert first.status_code == 200
    assert first.data == second.data
    assert len(engine.said) == 1
