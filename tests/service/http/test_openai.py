"""The API that clients of OpenAI call: by hand, and with the official client against a running service."""

from __future__ import annotations

import base64
import io
import json

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
        ({"input": ""}, 400, "text_missing", "input"),
        ({"voice": "nobody"}, 422, "unknown_voice", "voice"),
        ({"voice": {"id": "x"}}, 422, "invalid_field", "voice"),
        ({"response_format": "aiff"}, 422, "invalid_field", "response_format"),
        ({"instructions": 5}, 422, "invalid_field", "instructions"),
        ({"stream_format": "video"}, 422, "invalid_field", "stream_format"),
        ({"speed": 5}, 422, "invalid_field", "speed"),
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


@pytest.mark.parametrize(
    ("words", "emotion"),
    [
        ("Speak in a cheerful and positive tone.", "happy"),
        ("用悲伤的语气", "sad"),
        ("Calm, then angry", "neutral"),
        ("Speak like a pirate", "neutral"),
    ],
)
def test_instructions_may_be_free_words(
    http: FlaskClient, engine: FakeEngine, words: str, emotion: str
) -> None:
    """What is not understood is named by a header, and not refused."""
    response = http.post("/v1/audio/speech", json={**ASKED, "instructions": words})
    assert response.status_code == 200
    assert engine.said[0].emotion == emotion
    assert (response.headers.get("X-Ignored-Fields") == "instructions") == (emotion == "neutral")


@pytest.mark.parametrize("voice", ["alloy", "marin", "cedar", "verse", "", None])
def test_every_voice_of_theirs_is_known(http: FlaskClient, engine: FakeEngine, voice: str | None) -> None:
    assert http.post("/v1/audio/speech", json={**ASKED, "voice": voice}).status_code == 200
    assert engine.said[0].voice == "first"


@pytest.mark.parametrize("model", ["tts-1-1106", "tts-1-hd", "gpt-4o-mini-tts-2025-12-15"])
def test_models_may_have_dates(http: FlaskClient, model: str) -> None:
    assert http.post("/v1/audio/speech", json={**ASKED, "model": model}).status_code == 200
    assert http.get(f"/v1/models/{model}").get_json()["id"] == model


def test_an_unknown_model_is_404(http: FlaskClient) -> None:
    assert http.get("/v1/models/gpt-9").get_json()["error"]["code"] == "model_not_found"


@pytest.mark.parametrize("speed", [0.25, 4.0])
def test_speeds_reach_as_far_as_theirs(http: FlaskClient, engine: FakeEngine, speed: float) -> None:
    assert http.post("/v1/audio/speech", json={**ASKED, "speed": speed}).status_code == 200
    assert engine.said[0].speed == speed


def test_aac_is_sent_as_mp3_and_says_so(http: FlaskClient) -> None:
    response = http.post("/v1/audio/speech", json={**ASKED, "response_format": "aac"})
    assert (response.status_code, response.mimetype) == (200, "audio/mpeg")


def test_events_carry_the_same_sound(http: FlaskClient) -> None:
    asked = {**ASKED, "input": "第一句。第二句。", "response_format": "pcm"}
    response = http.post("/v1/audio/speech", json={**asked, "stream_format": "sse"})
    assert response.mimetype == "text/event-stream"
    *deltas, done = [json.loads(line[6:]) for line in response.text.split("\n\n") if line]
    assert len(deltas) >= 2
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    assert (
        b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
        == http.post("/v1/audio/speech", json=asked).data
    )


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_the_first_sentence_comes_before_the_last_is_spoken(
    http: FlaskClient, engine: FakeEngine, name: str
) -> None:
    """Each format is sent while it is made."""
    asked = {**ASKED, "input": "这是第一句很长很长的话，" * 5 + "。最后一句。", "response_format": name}
    with http.post("/v1/audio/speech", json=asked, buffered=False) as response:
        pieces = iter(response.response)
        assert next(pieces)
        assert len(engine.said) < 2
        assert list(pieces)


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
    assert caught.value.param == "voice"
    client.close()


def test_the_same_again_is_not_spoken_again(http: FlaskClient, engine: FakeEngine) -> None:
    first, second = (http.post("/v1/audio/speech", json=ASKED).data for _ in range(2))
    assert first == second
    assert len(engine.said) == 1
