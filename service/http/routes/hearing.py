"""What listens: `/v1/audio/transcriptions` and `/translations` as OpenAI's API has them, and `POST /asr`."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request

from service.errors import InvalidFieldError, NotFoundError
from service.hearing import forms
from service.hearing.listener import Understood, hearing_facts
from service.hearing.request import HearingRequest, read_hearing
from service.http.body import decode_base64, form_body, json_body, note_facts
from service.http.context import context
from service.http.streaming import server_event, stream_response

HEARING_MODELS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""Model names that clients send; all of them mean the one engine that listens here."""
OPENAI_FIELDS = (
    "model", "language", "prompt", "response_format", "temperature", "timestamp_granularities[]", "stream",
    "chunking_strategy", "include[]",
)  # fmt: skip
"""OpenAI's fields beside the file. The last two ask for what is always or never done here."""
ASR_FIELDS = ("language", "prompt", "temperature")
"""Fields of `POST /asr` beside the sound."""

blueprint = Blueprint("hearing", __name__)


@blueprint.post("/v1/audio/transcriptions")
def transcriptions() -> Response:
    """Hear a file, and reply with what was said in it."""
    return _openai(translate=False)


@blueprint.post("/v1/audio/translations")
def translations() -> Response:
    """Hear a file, and reply with what was said in it, in English."""
    return _openai(translate=True)


@blueprint.post("/asr")
def asr() -> Response:
    """Hear a sound: base64 in JSON, a form's file, or the body itself; JSON with its text out."""
    context().listener.check()
    asked = _asr_asked()
    note_facts(hearing_facts(asked))
    found = context().listener.hear(asked)
    _note(found)
    return jsonify(
        {
            "text": found.text,
            "language": found.language,
            "duration": round(found.seconds, 3),
            "segments": [
                {"text": one.text.strip(), "start": round(one.start, 3), "end": round(one.end, 3)}
                for one in found.segments
            ],
            "status": "success",
        }
    )


def _asr_asked() -> HearingRequest:
    kind = request.mimetype
    fields: Mapping[str, Sequence[str]]
    if kind == "application/json":
        data = json_body()
        for name in data:
            if name not in ("audio", *ASR_FIELDS):
                raise InvalidFieldError(
                    f"unknown field; known are {', '.join(('audio', *ASR_FIELDS))}", field=str(name)[:40]
                )
        fields = {name: [_word(data, name)] for name in ASR_FIELDS if data.get(name) is not None}
        return read_hearing(decode_base64(data, "audio"), fields)
    if kind == "multipart/form-data":
        return read_hearing(*form_body("file", ASR_FIELDS))
    if kind.startswith(("audio/", "video/")) or kind == "application/octet-stream":
        fields = {name: request.args.getlist(name) for name in ASR_FIELDS}
        return read_hearing(request.get_data(cache=False), fields)
    return read_hearing(*form_body("file", ASR_FIELDS))  # which says what is wanted


def _word(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not isinstance(value, str) and not (name == "temperature" and number):
        raise InvalidFieldError(
            "must be a number" if name == "temperature" else "must be a string", field=name
        )
    return str(value)


def _openai(*, translate: bool) -> Response:
    listener = context().listener
    listener.check()
    data, fields = form_body("file", OPENAI_FIELDS)
    models = fields.get("model", ())
    if len(models) != 1:
        said = "came more than once" if models else f"is missing; there are {', '.join(HEARING_MODELS)}"
        raise InvalidFieldError(said, field="model")
    if models[0] not in HEARING_MODELS:
        raise NotFoundError(
            f"no such model; there are {', '.join(HEARING_MODELS)}", code="model_not_found", field="model"
        )
    asked = read_hearing(data, fields, translate=translate)
    if asked.stream and translate:
        raise InvalidFieldError("translations are told as a whole", field="stream")
    note_facts(hearing_facts(asked))
    if asked.stream:
        return stream_response(_events(listener.pieces(asked)), "text/event-stream")
    found = listener.hear(asked)
    _note(found)
    if asked.form == "json":
        return jsonify({"text": found.text, "usage": forms.usage(found.seconds)})
    if asked.form == "verbose_json":
        return jsonify(
            forms.as_verbose(
                found.segments, found.language, found.seconds, asked.granularities, translate=translate
            )
        )
    text = forms.TEXTS[asked.form](found.segments)
    return Response(text, mimetype=forms.MEDIA_TYPES[asked.form])


def _note(found: Understood) -> None:
    settings = context().settings
    facts = {"audio_seconds": round(found.seconds, 3), "language": found.language or None}
    note_facts({**facts, "text": found.text} if settings.log_text else facts)


def _events(pieces: Generator[Understood, None, None]) -> Generator[bytes, None, None]:
    """What is heard as server-sent events, as OpenAI's documentation has them."""
    said: list[str] = []
    seconds = 0.0
    try:
        for piece in pieces:
            seconds = piece.seconds
            for segment in piece.segments:
                delta = segment.text if said else segment.text.lstrip()
                said.append(delta)
                yield server_event({"type": "transcript.text.delta", "delta": delta})
        done = {"type": "transcript.text.done", "text": "".join(said).strip(), "usage": forms.usage(seconds)}
        yield server_event(done)
    finally:
        pieces.close()
