"""What listens, over HTTP: with ears that know the keys of a telephone, and the real decoder processes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import create_app
from service.audio.encoding import encode_audio
from service.audio.formats import wav_header
from service.audio.pcm import Audio
from service.settings.environment import Settings
from tests.service.fakes import FakeEars, FakeEngine, keys

PATH = "/v1/audio/transcriptions"


def wav(sound: Audio) -> bytes:
    return wav_header(sound.sample_rate, len(sound.pcm)) + sound.pcm


@pytest.fixture
def ears() -> FakeEars:
    return FakeEars()


@pytest.fixture
def http(engine: FakeEngine, ears: FakeEars) -> FlaskClient:
    return create_app(Settings(max_audio=90.0), engine, ears=ears).test_client()


def ask(http: FlaskClient, data: bytes | None, path: str = PATH, **fields: Any) -> TestResponse:
    form = {"model": "whisper-1", **{name.replace("__", "[]"): value for name, value in fields.items()}}
    if data is not None:
        form["file"] = (io.BytesIO(data), "sound.wav")
    return http.post(path, data=form, content_type="multipart/form-data")


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "ogg", "opus"])
def test_words_come_out_of_every_format(http: FlaskClient, form: str) -> None:
    sound = keys("1234567890", 24000)
    data = wav(sound) if form == "wav" else encode_audio(sound, form)
    response = ask(http, data)
    assert response.get_json() == {"text": "1234567890", "usage": {"type": "duration", "seconds": 2}}


def test_wishes_reach_the_ears(http: FlaskClient, ears: FakeEars) -> None:
    ask(http, wav(keys("12")), language="Chinese", prompt="numbers", temperature="0.5")
    _, wish = ears.heard[0]
    assert (wish.language, wish.prompt, wish.temperature, wish.translate) == ("zh", "numbers", 0.5, False)
    ask(http, wav(keys("12")), "/v1/audio/translations")
    assert ears.heard[1][1].translate


def test_verbose_tells_segments_and_words_with_their_times(http: FlaskClient) -> None:
    told = ask(
        http, wav(keys("  12")), response_format="verbose_json", timestamp_granularities__=["word", "segment"]
    ).get_json()
    assert (told["task"], told["language"], told["text"]) == ("transcribe", "english", "12")
    assert told["duration"] == pytest.approx(0.6)
    assert [word["word"] for word in told["words"]] == ["1", "2"]
    assert told["words"][1]["start"] == pytest.approx(0.4, abs=0.03)
    assert told["segments"][0]["start"] == pytest.approx(0.2, abs=0.03)


def test_subtitles_have_their_forms(http: FlaskClient) -> None:
    srt = ask(http, wav(keys("  12")), response_format="srt")
    assert srt.data.startswith(b"1\n00:00:00,2")
    assert srt.data.endswith(b"\n12\n")
    vtt = ask(http, wav(keys("  12")), response_format="vtt")
    assert vtt.mimetype == "text/vtt"
    assert vtt.data.startswith(b"WEBVTT\n\n00:00:00.2")
    assert ask(http, wav(keys("12")), response_format="text").data == b"12\n"


def test_long_sounds_are_heard_in_pieces_and_told_at_once_where_wanted(
    http: FlaskClient, ears: FakeEars
) -> None:
    """Forty seconds, told piece by piece; each piece has its place, and the language of the first."""
    sound = keys("123456789 " * 20)
    data = encode_audio(sound, "flac")
    response = ask(http, data, stream="true")
    events = [json.loads(line[6:]) for line in response.data.decode().split("\n\n") if line]
    deltas = [one["delta"] for one in events if one["type"] == "transcript.text.delta"]
    assert len(deltas) == len(ears.heard) > 1
    assert "".join(deltas).replace(" ", "") == "123456789" * 20
    assert events[-1]["type"] == "transcript.text.done"
    assert [wish.language for _, wish in ears.heard][:2] == ["", "en"]
    told = ask(http, data, response_format="verbose_json").get_json()
    assert told["segments"][-1]["end"] == pytest.approx(told["duration"], abs=0.5)


def test_asr_takes_json_a_form_and_the_sound_itself(http: FlaskClient) -> None:
    data = wav(keys("42"))
    told = http.post("/asr", json={"audio": base64.b64encode(data).decode(), "language": "en"}).get_json()
    assert told["status"] == "success"
    assert (told["text"], told["language"]) == ("42", "en")
    assert http.post("/asr?language=zh", data=data, content_type="audio/wav").get_json()["language"] == "zh"
    form = {"file": (io.BytesIO(data), "x")}
    assert http.post("/asr", data=form, content_type="multipart/form-data").get_json()["text"] == "42"


def test_silence_says_nothing(http: FlaskClient, ears: FakeEars) -> None:
    assert ask(http, wav(Audio(bytes(32000), 16000))).get_json()["text"] == ""
    assert ears.heard == []


@pytest.mark.parametrize(
    ("data", "fields", "status", "code", "param"),
    [
        (None, {}, 400, "file_missing", "file"),
        (b"", {}, 422, "bad_audio", "file"),
        (b"no sound", {}, 422, "bad_audio", "file"),
        (wav(keys("1"))[:30], {}, 422, "bad_audio", "file"),
        (encode_audio(Audio(bytes(2 * 16000 * 100), 16000), "flac"), {}, 422, "audio_too_long", "file"),
        (b"x", {"model": "gpt-9"}, 404, "model_not_found", "model"),
        (b"x", {"language": "klingon"}, 422, "unknown_language", "language"),
        (b"x", {"prompt": "好" * 3000}, 422, "text_too_long", "prompt"),
        (b"x", {"temperature": "nan"}, 422, "invalid_field", "temperature"),
        (b"x", {"response_format": "docx"}, 422, "invalid_field", "response_format"),
        (b"x", {"stream": "true", "response_format": "srt"}, 422, "invalid_field", "stream"),
        (b"x", {"timestamp_granularities__": "word"}, 422, "invalid_field", "timestamp_granularities"),
        (b"x", {"colour": "red"}, 422, "invalid_field", "colour"),
    ],
)
def test_refusals_say_what_is_wrong(
    http: FlaskClient, data: bytes | None, fields: dict[str, Any], status: int, code: str, param: str
) -> None:
    error = ask(http, data, **fields).get_json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert ask(http, data, **fields).status_code == status


def test_a_service_without_ears_says_so(engine: FakeEngine) -> None:
    deaf = create_app(Settings(), engine).test_client()
    response = ask(deaf, b"x")
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "no_ears")
    assert deaf.post("/asr", json={"audio": ""}).status_code == 404


Parts = Mapping[str, tuple[str | None, str | bytes]]
FORM: Parts = {"model": (None, "whisper-1"), "file": ("a.wav", wav(keys("1")))}


def form(parts: Parts, end: bytes = b"--b--\r\n") -> bytes:
    """A form as it goes over the line; a part without a file name is a field."""
    body = b""
    for name, (file, value) in parts.items():
        named = f'; filename="{file}"' if file else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        body += head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + end


@pytest.mark.parametrize(
    ("body", "boundary", "status", "code", "said"),
    [
        (form(FORM, b""), "b", 400, "bad_form", "boundary"),
        (form(FORM), "other", 400, "bad_form", "boundary"),
        (form({**FORM, "prompt": ("p.txt", "a")}), "b", 422, "invalid_field", "must not be a file"),
        (form({**FORM, "file": (None, "a")}), "b", 422, "invalid_field", "no filename"),
        (form({"file": FORM["file"]}), "b", 422, "invalid_field", "is missing"),
        (form({**FORM, "prompt": (None, "a" * 300_000)}), "b", 413, "body_too_large", "fields of more than"),
    ],
    ids=["no end", "other boundary", "field as file", "file as field", "no model", "long field"],
)
def test_a_form_that_is_not_whole_says_what_it_lacks(
    http: FlaskClient, body: bytes, boundary: str, status: int, code: str, said: str
) -> None:
    kind = f"multipart/form-data; boundary={boundary}"
    response = http.post("/v1/audio/transcriptions", data=body, content_type=kind)
    error = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert said in error["message"]
