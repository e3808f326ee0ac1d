"""`POST /tts` and its neighbours, called as the reference article calls them."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.audio.formats import FORMATS
from service.errors import BadRequestError, DeadlineError, UnavailableError
from service.settings.environment import Settings
from service.speech.request import read_json
from tests.service.fakes import FakeEngine


def test_the_articles_request_gets_the_articles_reply(real_http: FlaskClient) -> None:
    """16-bit mono speech in base64, with its rate, its length and a status; nothing else."""
    asked = {"text": "你好，欢迎使用语音合成服务。", "emotion": "happy", "speed": 1.0}
    response = real_http.post("/tts", json=asked)
    assert response.status_code == 200
    said = response.get_json()
    assert set(said) == {"audio", "sample_rate", "duration", "status"}
    assert said["status"] == "success"
    with wave.open(io.BytesIO(base64.b64decode(said["audio"]))) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        assert file.getframerate() == said["sample_rate"]
        assert file.getnframes() / file.getframerate() == pytest.approx(said["duration"], abs=0.001)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    assert said["duration"] > 1
    assert np.sqrt(np.mean(samples**2)) > 500


def test_only_text_is_needed(http: FlaskClient, engine: FakeEngine) -> None:
    assert http.post("/tts", json={"text": "你好"}).status_code == 200
    assert engine.said[0].voice == "first"


def test_every_choice_reaches_the_voice(http: FlaskClient, engine: FakeEngine) -> None:
    asked = {
        "text": "你好",
        "voice": "english",
        "emotion": "sad",
        "intensity": 0.5,
        "speed": 1.5,
        "pitch": 0.8,
    }
    assert http.post("/tts", json=asked).status_code == 200
    said = engine.said[0]
    assert (said.voice, said.emotion, said.intensity, said.speed, said.pitch) == (
        "english",
        "sad",
        0.5,
        1.5,
        0.8,
    )


@pytest.mark.parametrize("name", ["高兴", "Happiness", "happy", " joy "])
def test_emotions_have_other_names(http: FlaskClient, engine: FakeEngine, name: str) -> None:
    http.post("/tts", json={"text": "你好", "emotion": name})
    assert engine.said[0].emotion == "happy"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_decodes_to_the_same_length(http: FlaskClient, name: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    reply = http.post("/tts", json={"text": "十个字的一句话在这里", "format": name}).get_json()
    data = base64.b64decode(reply["audio"])
    if name == "pcm":
        assert len(data) == 2 * reply["sample_rate"] * reply["duration"]
        return
    samples, rate = soundfile.read(io.BytesIO(data))
    assert len(samples) / rate == pytest.approx(reply["duration"], abs=0.12)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(8000 / np.sqrt(2) / 32768, rel=0.1)


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"text": "好", "ssml": "<speak>好</speak>"}, "invalid_field", "ssml"),
        ({"text": 5}, "invalid_field", "text"),
        ({"text": "好" * 201}, "text_too_long", "text"),
        ({"text": "…！？"}, "nothing_to_speak", "text"),
        ({"text": "a\ud800"}, "invalid_field", "text"),
        ({"text": "好", "speed": "fast"}, "invalid_field", "speed"),
        ({"text": "好", "speed": True}, "invalid_field", "speed"),
        ({"text": "好", "speed": 5}, "invalid_field", "speed"),
        ({"text": "好", "speed": 1e999}, "bad_json", None),
        ({"text": "好", "pitch": 0}, "invalid_field", "pitch"),
        ({"text": "好", "intensity": -1}, "invalid_field", "intensity"),
        ({"text": "好", "emotion": "bored"}, "unknown_emotion", "emotion"),
        ({"text": "好", "emotion": "sad", "voice": "flat"}, "unsupported", "emotion"),
        ({"text": "好", "voice": "nobody"}, "unknown_voice", "voice"),
        ({"text": "好", "format": "aiff"}, "invalid_field", "format"),
        ({"text": "好", "volume": 3}, "invalid_field", "volume"),
        ({"ssml": "<speak>好"}, "invalid_field", "ssml"),
    ],
)
def test_a_wrong_field_is_named(
    http: FlaskClient, asked: dict[str, object], code: str, field: str | None
) -> None:
    response = http.post("/tts", json=asked)
    assert response.status_code == (400 if code == "bad_json" else 422)
    assert response.get_json()["status"] == "error"
    assert response.get_json()["code"] == code
    assert response.get_json().get("field") == field
    assert response.get_json()["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("asked", [{}, {"text": ""}, {"ssml": ""}, {"text": None, "emotion": "sad"}])
def test_no_text_is_400_with_a_sentence_as_the_article_has_it(
    http: FlaskClient, asked: dict[str, object]
) -> None:
    response = http.post("/tts", json=asked)
    said = response.get_json()
    assert (response.status_code, said["code"], said["field"]) == (400, "text_missing", "text")
    assert said["error"] == "the text is empty or missing"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"text": NaN}', b"[" * 100_000, b"9" * 5000]
)
def test_what_is_no_json_object_is_400(http: FlaskClient, body: bytes) -> None:
    response = http.post("/tts", data=body, content_type="application/json")
    assert (response.status_code, response.get_json()["code"]) == (400, "bad_json")


def test_a_body_of_very_many_values_is_not_read() -> None:
    """Each takes some twenty times in memory what it takes in the body."""
    with pytest.raises(BadRequestError, match="more values"):
        read_json(b'{"text": [' + b"{}," * 100_000 + b"{}]}")
    assert read_json(b'{"text": "' + b"A" * 3_000_000 + b'"}')


def test_another_type_of_body_is_415(http: FlaskClient) -> None:
    assert http.post("/tts", data={"text": "好"}).status_code == 415


def test_a_large_body_is_413(engine: FakeEngine) -> None:
    http = create_app(Settings(max_body=1000), engine).test_client()
    response = http.post("/tts", json={"text": "好" * 1000})
    assert (response.status_code, response.get_json()["code"]) == (413, "body_too_large")
    assert not engine.said


def test_too_much_sound_is_422(http: FlaskClient) -> None:
    """The fake voice takes a tenth of a second a character, and a minute is allowed."""
    response = http.post("/tts", json={"ssml": "<speak>" + "好<break time='9s'/>" * 8 + "</speak>"})
    assert (response.status_code, response.get_json()["code"]) == (422, "audio_too_long")


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (UnavailableError("loading", code="loading", retry_after=5), 503, "5"),
        (DeadlineError("late"), 504, None),
    ],
)
def test_what_the_voice_refuses_is_told(
    http: FlaskClient, engine: FakeEngine, error: Exception, status: int, retry: str | None
) -> None:
    engine.error = error
    response = http.post("/tts", json={"text": "你好"})
    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry


def test_a_bug_shows_no_internals(http: FlaskClient, engine: FakeEngine) -> None:
    engine.error = RuntimeError("/secret/path")
    response = http.post("/tts", json={"text": "你好"})
    assert (response.status_code, response.get_json()["code"]) == (500, "internal_error")
    assert b"secret" not in response.data


def test_unknown_paths_and_methods_have_the_same_shape(http: FlaskClient) -> None:
    assert http.get("/nowhere").get_json()["code"] == "not_found"
    response = http.get("/tts")
    assert (response.status_code, response.get_json()["code"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


def test_a_callers_request_id_is_kept_if_it_is_harmless(http: FlaskClient) -> None:
    assert http.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    assert http.get("/healthz", headers={"X-Request-ID": "a b<"}).headers["X-Request-ID"] != "a b<"


def test_a_repeated_request_comes_from_the_cache(http: FlaskClient, engine: FakeEngine) -> None:
    first = http.post("/tts", json={"text": "你好"})
    again = http.post("/tts", json={"text": "你好"})
    assert first.data == again.data
    assert len(engine.said) == 1
    http.post("/tts", json={"text": "你好", "emotion": "sad"})
    assert len(engine.said) == 2


def test_keys_are_asked_for_where_there_are_any(engine: FakeEngine) -> None:
    http = create_app(Settings(api_keys=("one", "two")), engine).test_client()
    asked = {"text": "你好"}
    assert http.post("/tts", json=asked).status_code == 401
    assert http.post("/tts", json=asked, headers={"Authorization": "Bearer three"}).status_code == 401
    assert http.post("/tts", json=asked, headers={"Authorization": "Bearer ключ"}).status_code == 401
    assert http.post("/tts", json=asked, headers={"Authorization": "Bearer two"}).status_code == 200
    assert http.post("/tts", json=asked, headers={"X-API-Key": "one"}).status_code == 200
    assert http.get("/readyz").status_code == 200


def test_ready_means_that_it_speaks(http: FlaskClient, engine: FakeEngine) -> None:
    engine.error = UnavailableError("the voice is still loading", code="loading")
    response = http.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["reason"].startswith("loading")
    assert http.get("/healthz").status_code == 200
    engine.error = None
    assert http.get("/readyz").get_json()["status"] == "ready"


def test_silence_is_not_ready(http: FlaskClient, engine: FakeEngine) -> None:
    engine.silent = True
    assert http.get("/readyz").status_code == 503


def test_the_stream_is_the_whole_sound(http: FlaskClient) -> None:
    asked = {"text": "第一句。第二句！第三句？", "format": "pcm"}
    whole = base64.b64decode(http.post("/tts", json=asked).get_json()["audio"])
    assert http.post("/tts/stream", json=asked).data == whole
    as_wav = http.post("/tts/stream", json={**asked, "format": "wav"})
    assert as_wav.data[44:] == whole
    assert as_wav.mimetype == "audio/wav"


def test_a_mistake_in_a_stream_has_its_status(http: FlaskClient, engine: FakeEngine) -> None:
    assert http.post("/tts/stream", json={"text": "好", "format": "mp3"}).status_code == 422
    engine.error = UnavailableError("loading", retry_after=5)
    assert http.post("/tts/stream", json={"text": "好"}).status_code == 503


def test_metrics_count_what_happened(http: FlaskClient) -> None:
    http.post("/tts", json={"text": "你好"})
    http.post("/tts", json={"text": ""})
    said = http.get("/metrics").text
    assert 'tts_requests_total{route="/tts",status="200"} 1.0' in said
    assert 'tts_requests_total{route="/tts",status="400"} 1.0' in said
    assert "tts_queue_depth 0.0" in said


def test_it_says_where_it_computes_once_that_is_known(http: FlaskClient, engine: FakeEngine) -> None:
    """The card's name is the driver's, so it may hold anything."""
    assert "device" not in http.get("/readyz").get_json()
    assert "tts_device_info{" not in http.get("/metrics").text
    engine.device = "cpu"
    assert http.get("/readyz").get_json()["device"] == "cpu"
    assert 'tts_device_info{card="",device="cpu"} 1.0' in http.get("/metrics").text
    engine.device, engine.card = "cuda:0", 'NVIDIA "H200"'
    assert http.get("/readyz").get_json()["card"] == 'NVIDIA "H200"'
    assert 'tts_device_info{card="NVIDIA \\"H200\\"",device="cuda:0"} 1.0' in http.get("/metrics").text
