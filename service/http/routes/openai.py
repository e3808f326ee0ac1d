"""What clients of OpenAI's speech API call: `/v1/audio/speech`, `/v1/audio/voices`, `/v1/models`."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from service.audio.formats import FORMATS
from service.errors import BadRequestError, InvalidFieldError, NotFoundError
from service.http.answers import note_ready
from service.http.body import json_body, note_speech
from service.http.context import context
from service.http.routes.hearing import HEARING_MODELS
from service.http.routes.voices import describe_voice
from service.http.streaming import server_event, stream_response
from service.speech.request import LIMITS, SpeechRequest, read_speech
from service.voices.names import emotion_meant

OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Model names that clients send; all of them mean the one engine that runs here."""
MODEL_PATTERN = "^(tts-1|tts-1-hd|gpt-4o-mini-tts)(-[0-9]{4}(-[0-9]{2}-[0-9]{2})?)?$"
"""The same names, also with the date of a version."""
OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
)  # fmt: skip
"""OpenAI's own voice names, which many clients have built in; here they mean the default voice."""
OPENAI_FIELDS = {
    "input": "text",
    "voice": "voice",
    "speed": "speed",
    "response_format": "format",
    "emotion": "emotion",
    "intensity": "intensity",
    "pitch": "pitch",
}
"""Their field names, and ours."""
OPENAI_OTHERS = ("model", "instructions", "stream_format")
"""Their fields that are none of ours."""
OPENAI_LIMITS: Mapping[str, tuple[float, float]] = {**LIMITS, "speed": (0.25, 4.0)}
STREAM_FORMATS = ("audio", "sse")
OTHER_FORMATS = {"aac": "mp3"}
"""Formats that there is no encoder of here, and those that are sent in their place, under their own type."""
PCM_RATE = 24000
"""The rate that clients take raw samples of this API to have."""
IGNORED = "X-Ignored-Fields"
"""The header that names fields which could not be followed."""

blueprint = Blueprint("openai", __name__, url_prefix="/v1")


@blueprint.post("/audio/speech")
def speech() -> Response:
    """Speak `input`; the reply is the sound itself, sentence by sentence, or events that carry it."""
    data = json_body()
    asked, ignored = _asked(data)
    note_speech(asked)
    speaker = context().speaker
    events = data.get("stream_format") == "sse"
    media_type = FORMATS[asked.format].media_type
    rate = PCM_RATE if asked.format == "pcm" else 0
    found = None if events else speaker.cached_stream(asked, rate)
    if found is not None:
        response = Response(found.data, mimetype=media_type)
        note_ready(request.environ)
    elif events:
        response = stream_response(speaker.stream(asked, rate), "text/event-stream", _events)
    else:
        response = stream_response(speaker.stream(asked, rate), media_type)
    if ignored:
        response.headers[IGNORED] = ", ".join(ignored)
    return response


@blueprint.get("/audio/voices")
def voices() -> Response:
    """The voices, each with the emotions it can express."""
    return jsonify(
        {"voices": [{"id": v.name, **describe_voice(v)} for v in context().speaker.engine.voices()]}
    )


@blueprint.get("/models")
def models() -> Response:
    """The names that `model` may have."""
    return jsonify({"object": "list", "data": [_model(name) for name in (*OPENAI_MODELS, *_ears())]})


@blueprint.get("/models/<name>")
def model(name: str) -> Response:
    """One of them."""
    if name not in _ears():
        _check_model(name)
    return jsonify(_model(name))


def _ears() -> tuple[str, ...]:
    """The names of models that listen, where something does."""
    return HEARING_MODELS if context().listener.ears is not None else ()


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "service"}


def _check_model(name: str) -> None:
    if not re.fullmatch(MODEL_PATTERN[1:-1], name):
        raise NotFoundError(
            f"no such model; there are {', '.join(OPENAI_MODELS)}", code="model_not_found", field="model"
        )


def _asked(data: dict[str, Any]) -> tuple[SpeechRequest, list[str]]:
    """Their request as ours, and the fields that are not followed; errors name fields as they do."""
    known = (*OPENAI_FIELDS, *OPENAI_OTHERS)
    for name in data:
        if name not in known:
            raise InvalidFieldError(f"unknown field; known are {', '.join(known)}", field=str(name)[:40])
    if not isinstance(data.get("model"), str):
        raise InvalidFieldError("must be a string", field="model")
    _check_model(data["model"])
    if data.get("stream_format") not in (None, *STREAM_FORMATS):
        raise InvalidFieldError(f"must be one of {', '.join(STREAM_FORMATS)}", field="stream_format")
    instructions = data.get("instructions") or ""
    if not isinstance(instructions, str):
        raise InvalidFieldError("must be a string", field="instructions")
    ours = {OPENAI_FIELDS[name]: value for name, value in data.items() if name in OPENAI_FIELDS}
    if isinstance(ours.get("voice"), str) and ours["voice"] in OPENAI_VOICES:
        del ours["voice"]
    if ours.get("format") is None:
        ours["format"] = "mp3"
    elif isinstance(ours["format"], str):
        ours["format"] = OTHER_FORMATS.get(ours["format"], ours["format"])
    ignored = []
    if instructions and ours.get("emotion") is None:
        meant = emotion_meant(instructions)
        if meant:
            ours["emotion"] = meant
        else:
            ignored.append("instructions")
    elif instructions:
        ignored.append("instructions")
    return _read(ours), ignored


def _read(ours: dict[str, Any]) -> SpeechRequest:
    theirs = {ours: name for name, ours in OPENAI_FIELDS.items()}
    try:
        return read_speech(ours, max_text=context().settings.max_text, limits=OPENAI_LIMITS)
    except (InvalidFieldError, BadRequestError) as error:
        error.field = theirs.get(error.field or "", error.field)
        raise


def _events(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The stream as server-sent events, as their documentation has them."""
    for piece in pieces:
        yield server_event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield server_event({"type": "speech.audio.done", "usage": usage})
