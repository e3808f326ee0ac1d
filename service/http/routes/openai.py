"""What clients of OpenAI's speech API call: `/v1/audio/speech`, `/v1/audio/voices`, `/v1/models`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify

from service.audio.formats import FORMATS
from service.audio.pcm import Audio, at_rate
from service.errors import InvalidFieldError, NotFoundError
from service.http.body import json_body, note_spoken
from service.http.context import context
from service.http.routes.voices import described
from service.http.streaming import watched
from service.speech.request import SpeechRequest, read_speech

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Model names that clients send; all of them mean the one engine that runs here."""
VOICES = ("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")
"""OpenAI's own voice names, which many clients have built in; here they mean the default voice."""
FIELDS = {
    "input": "text",
    "voice": "voice",
    "instructions": "emotion",
    "speed": "speed",
    "response_format": "format",
    "emotion": "emotion",
    "intensity": "intensity",
    "pitch": "pitch",
}
"""Their field names, and ours. `instructions` may hold the name of an emotion; free words are refused."""
PCM_RATE = 24000
"""The rate that clients take raw samples of this API to have."""

blueprint = Blueprint("openai", __name__, url_prefix="/v1")


@blueprint.post("/audio/speech")
def speech() -> Response:
    """Speak `input`; the reply is the sound itself. Raw samples (`pcm`) come sentence by sentence."""
    asked = _asked(json_body())
    note_spoken(asked)
    speaker = context().speaker
    media_type = FORMATS[asked.format].media_type
    if asked.format == "pcm":
        sounds = speaker.stream(asked)
        response = Response(_samples(watched(sounds)), mimetype=media_type)
        response.call_on_close(sounds.close)
        return response
    return Response(speaker.speak(asked).data, mimetype=media_type)


@blueprint.get("/audio/voices")
def voices() -> Response:
    """The voices, each with the emotions it can express."""
    return jsonify({"voices": [{"id": v.name, **described(v)} for v in context().speaker.engine.voices()]})


@blueprint.get("/models")
def models() -> Response:
    """The names that `model` may have."""
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "service"} for name in MODELS]
    return jsonify({"object": "list", "data": listed})


def _asked(data: dict[str, Any]) -> SpeechRequest:
    """Their request as ours; errors name the field as they called it."""
    model = data.pop("model", None)
    if not isinstance(model, str):
        raise InvalidFieldError("must be a string", field="model")
    if model not in MODELS:
        raise NotFoundError(
            f"no such model; there are {', '.join(MODELS)}", code="model_not_found", field="model"
        )
    if data.pop("stream_format", "audio") != "audio":
        raise InvalidFieldError("must be audio", code="unsupported", field="stream_format")
    for name in data:
        if name not in FIELDS:
            raise InvalidFieldError(f"unknown field; known are {', '.join(FIELDS)}", field=str(name)[:40])
    if data.get("voice") in VOICES:
        del data["voice"]
    if not data.get("instructions"):
        data.pop("instructions", None)
    ours = {FIELDS[name]: value for name, value in data.items()}
    ours.setdefault("format", "mp3")
    try:
        return read_speech(ours, max_text=context().settings.max_text)
    except InvalidFieldError as error:
        theirs = {ours: name for name, ours in reversed(FIELDS.items())}
        error.field = theirs.get(error.field or "", error.field)
        raise


def _samples(sounds: Iterator[Audio]) -> Iterator[bytes]:
    for sound in sounds:
        yield at_rate(sound, PCM_RATE).pcm
