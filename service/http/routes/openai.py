"""What clients of OpenAI's speech API call: `/v1/audio/speech`, `/v1/audio/voices`, `/v1/models`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify

from service.audio.formats import FORMATS
from service.audio.pcm import Audio, resample
from service.errors import InvalidFieldError, NotFoundError
from service.http.body import json_body, note_speech
from service.http.context import context
from service.http.routes.voices import describe_voice
from service.http.streaming import guard_sounds
from service.speech.request import SpeechRequest, read_speech

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Model names that clients send; all of them mean the one engine that runs here."""
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""OpenAI's own voice names, which many clients have built in; here they mean the default voice."""
OPENAI_FIELDS = {
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
    note_speech(asked)
    speaker = context().speaker
    media_type = FORMATS[asked.format].media_type
    if asked.format == "pcm":
        sounds = speaker.stream(asked)
        response = Response(_samples(guard_sounds(sounds)), mimetype=media_type)
        response.call_on_close(sounds.close)
        return response
    return Response(speaker.speak(asked).data, mimetype=media_type)


@blueprint.get("/audio/voices")
def voices() -> Response:
    """The voices, each with the emotions it can express."""
    return jsonify(
        {"voices": [{"id": v.name, **describe_voice(v)} for v in context().speaker.engine.voices()]}
    )


@blueprint.get("/models")
def models() -> Response:
    """The names that `model` may have."""
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "service"} for name in OPENAI_MODELS]
    return jsonify({"object": "list", "data": listed})


def _asked(data: dict[str, Any]) -> SpeechRequest:
    """Their request as ours; errors name the field as they called it."""
    model = data.pop("model", None)
    if not isinstance(model, str):
        raise InvalidFieldError("must be a string", field="model")
    if model not in OPENAI_MODELS:
        raise NotFoundError(
            f"no such model; there are {', '.join(OPENAI_MODELS)}", code="model_not_found", field="model"
        )
    if data.pop("stream_format", "audio") != "audio":
        raise InvalidFieldError("must be audio", code="unsupported", field="stream_format")
    for name in data:
        if name not in OPENAI_FIELDS:
            raise InvalidFieldError(
                f"unknown field; known are {', '.join(OPENAI_FIELDS)}", field=str(name)[:40]
            )
    if data.get("voice") in OPENAI_VOICES:
        del data["voice"]
    if not data.get("instructions"):
        data.pop("instructions", None)
    ours = {OPENAI_FIELDS[name]: value for name, value in data.items()}
    ours.setdefault("format", "mp3")
    try:
        return read_speech(ours, max_text=context().settings.max_text)
    except InvalidFieldError as error:
        theirs = {ours: name for name, ours in reversed(OPENAI_FIELDS.items())}
        error.field = theirs.get(error.field or "", error.field)
        raise


def _samples(sounds: Iterator[Audio]) -> Iterator[bytes]:
    for sound in sounds:
        yield resample(sound, PCM_RATE).pcm
