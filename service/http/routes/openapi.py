"""`GET /openapi.json`: the OpenAPI description, made from the same tables that the routes read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from service.audio.formats import FORMATS
from service.hearing.forms import MEDIA_TYPES
from service.hearing.request import FORMS, GRANULARITIES, LONGEST_PROMPT
from service.http.context import context
from service.http.routes.hearing import HEARING_MODELS
from service.http.routes.openai import (
    IGNORED,
    MODEL_PATTERN,
    OPENAI_LIMITS,
    OPENAI_VOICES,
    OTHER_FORMATS,
    STREAM_FORMATS,
)
from service.http.routes.tts import STREAMED
from service.settings.environment import Settings
from service.speech.request import LIMITS
from service.voices.names import emotion_pattern
from service.voices.port import Engine

if TYPE_CHECKING:
    Schema = dict[str, Any]

ERRORS = {
    "400": "The body is not what its type says, or there is no text",
    "401": "A key is needed",
    "403": "A page of another place may not ask for this",
    "404": "There is no such thing",
    "408": "The request did not arrive in time",
    "413": "The body is too large, or its sound would be",
    "415": "The body is of no type that is read here",
    "422": "A field is wrong; it is named",
    "426": "A WebSocket is needed",
    "429": "Too many requests at once; `Retry-After` says when to come back",
    "503": "The voice or the ears cannot answer now; `Retry-After` says when to come back",
    "504": "It took too long",
}
HEARING_ERRORS = ("400", "401", "404", "408", "413", "415", "422", "429", "503", "504")

blueprint = Blueprint("openapi", __name__)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description of every route."""
    parts = context()
    return jsonify(describe_service(parts.settings, parts.speaker.engine))


def describe_service(settings: Settings, engine: Engine) -> Schema:
    """The whole document."""
    speech = _speech_fields(settings, engine)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Speech service", "version": "1", "description": "Speaks text with emotion."},
        "servers": [{"url": "/"}],
        "security": [{"key": []}] if settings.api_keys else [],
        "paths": {
            "/tts": {"post": _speaking("Speak; reply when all is ready", speech, _json("SpeechReply"))},
            "/tts/stream": {
                "post": _speaking(
                    "Speak; the sound begins to arrive with its first sentence",
                    {**speech, "format": {"enum": list(STREAMED), "default": "wav"}},
                    _sound(STREAMED),
                )
            },
            "/voices": {"get": _reading("Voices, emotions, formats, limits", _json("Anything"))},
            "/healthz": {"get": _open("The process answers", _json("Anything"))},
            "/readyz": {"get": _readiness()},
            "/metrics": {
                "get": _open("Measures for Prometheus", {"text/plain": {"schema": {"type": "string"}}})
            },
            "/openapi.json": {"get": _open("This document", _json("Anything"))},
            "/v1/audio/speech": {
                "post": _speaking(
                    "As OpenAI's speech API",
                    _openai_fields(speech, engine),
                    {**_sound(tuple(FORMATS)), "text/event-stream": {}},
                    openai=True,
                )
            },
            "/v1/audio/voices": {"get": _reading("The voices", _json("Anything"))},
            "/v1/audio/transcriptions": {
                "post": _hearing("As OpenAI's transcriptions", "Transcription", events=True)
            },
            "/v1/audio/translations": {
                "post": _hearing("As OpenAI's translations: what was said, in English", "Transcription")
            },
            "/asr": {"post": _asr()},
            "/v1/dialogue": {"get": _live(), "post": _dialogue()},
            "/v1/models": {"get": _reading("The models", _json("Anything"))},
            "/v1/models/{name}": {
                "parameters": [
                    {
                        "name": "name",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "minLength": 1},
                    }
                ],
                "get": _reading("One of the models", _json("Anything"), "404"),
            },
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _speech_fields(settings: Settings, engine: Engine) -> Schema:
    text = {"type": "string", "minLength": 1, "maxLength": settings.max_text}
    numbers = {
        name: {"type": "number", "minimum": low, "maximum": high, "default": 1.0}
        for name, (low, high) in LIMITS.items()
    }
    return {
        "text": {**text, "description": "Plain text; give either this or ssml"},
        "ssml": {
            **text,
            "description": "A <speak> document; p, s, break, prosody, emotion, voice, say-as, sub, phoneme",
        },
        "voice": {
            "enum": ["", *(voice.name for voice in engine.voices())],
            "description": "Empty for the service's own choice",
        },
        "emotion": {"type": "string", "pattern": emotion_pattern(), "default": "neutral"},
        **numbers,
        "format": {"enum": list(FORMATS), "default": "wav"},
    }


def _openai_fields(speech: Schema, engine: Engine) -> Schema:
    low, high = OPENAI_LIMITS["speed"]
    voices = ["", *OPENAI_VOICES, *(voice.name for voice in engine.voices())]
    return {
        "model": {"type": "string", "pattern": MODEL_PATTERN},
        "input": speech["text"],
        "voice": {"enum": voices, "description": "Their names mean the service's own choice"},
        "instructions": {
            "type": "string",
            "description": f"An emotion, in any words; the header {IGNORED} names it if it is not understood",
        },
        "response_format": {
            "enum": [*FORMATS, *OTHER_FORMATS],
            "default": "mp3",
            "description": "aac is answered as mp3; the Content-Type says so",
        },
        "stream_format": {"enum": list(STREAM_FORMATS), "default": "audio"},
        "speed": {"type": "number", "minimum": low, "maximum": high, "default": 1.0},
        **{name: speech[name] for name in ("emotion", "intensity", "pitch")},
    }


def _speaking(summary: str, fields: Schema, content: Schema, *, openai: bool = False) -> Schema:
    required: Schema = (
        {"required": ["model", "input"]}
        if openai
        else {"oneOf": [_either("text", "ssml"), _either("ssml", "text")]}
    )
    always = required.get("required", ())
    optional = {name: field if name in always else _or_null(field) for name, field in fields.items()}
    if not openai:
        for name in ("text", "ssml"):
            optional[name] = _or_null({**fields[name], "minLength": 0})
    body = {"type": "object", "properties": optional, "additionalProperties": False, **required}
    codes = ("400", "401", "404", "408", "413", "415", "422", "429", "503", "504")
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "Spoken", "content": content}, **_errors(codes)},
    }


def _hearing(summary: str, reply: str, *, events: bool = False) -> Schema:
    """An operation that takes a form with a file, and answers in one of the forms of `forms`."""
    wishes = _wishes()
    fields: Schema = {
        "file": {"type": "string", "format": "binary"},
        "model": {"enum": list(HEARING_MODELS)},
        **wishes,
        "response_format": {"enum": list(FORMS), "default": "json"},
        "timestamp_granularities[]": {"type": "array", "items": {"enum": list(GRANULARITIES)}},
    }
    content = {**_json(reply), **{kind: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()}}
    if events:
        fields["stream"] = {"enum": ["true", "false"]}
        content["text/event-stream"] = {}
    body = {
        "type": "object", "properties": fields, "required": ["file", "model"], "additionalProperties": False
    }  # fmt: skip
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body}}},
        "responses": {"200": {"description": "Heard", "content": content}, **_errors(HEARING_ERRORS)},
    }


def _asr() -> Schema:
    """`POST /asr`, which takes the sound in three ways."""
    wishes = _wishes()
    sound = {"type": "string", "format": "binary"}
    form = {"type": "object", "properties": {"file": sound, **wishes}, "required": ["file"]}
    plain = {
        "type": "object",
        "properties": {
            "audio": {"type": "string", "contentEncoding": "base64"},
            **{name: _or_null(field) for name, field in wishes.items()},
        },
        "required": ["audio"],
    }
    content = {
        "application/json": {"schema": {**plain, "additionalProperties": False}},
        "multipart/form-data": {"schema": {**form, "additionalProperties": False}},
        "application/octet-stream": {"schema": sound},
    }
    return {
        "summary": "Hear a sound; the fields stand in the query where the body is the sound itself",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "Heard", "content": _json("HearingReply")},
            **_errors(HEARING_ERRORS),
        },
    }


def _dialogue() -> Schema:
    """`POST /v1/dialogue`, which answers with events."""
    fields: Schema = {
        "file": {"type": "string", "format": "binary"},
        "text": {"type": "string", "description": "The question, in place of a file"},
        "voice": {"type": "string"},
        "language": {"type": "string"},
        "prompt": {"type": "string", "maxLength": LONGEST_PROMPT},
        "messages": {"type": "string", "description": "The conversation so far, as a JSON array"},
    }
    body = {"type": "object", "properties": fields, "additionalProperties": False}
    return {
        "summary": "Hear a question; the answer comes as events, spoken while it is written",
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": body}}},
        "responses": {
            "200": {"description": "Heard", "content": {"text/event-stream": {}}},
            **_errors(HEARING_ERRORS),
        },
    }


def _live() -> Schema:
    """`GET /v1/dialogue`, which becomes a WebSocket; what is said through it, no such description tells."""
    fields: dict[str, Schema] = {
        "voice": {"type": "string"},
        "language": {"type": "string"},
        "prompt": {"type": "string", "maxLength": LONGEST_PROMPT},
    }
    return {
        "summary": "Converse live through a WebSocket",
        "parameters": [{"name": name, "in": "query", "schema": field} for name, field in fields.items()],
        "responses": {
            "101": {"description": "A WebSocket"},
            **_errors(("401", "403", "404", "422", "426", "429")),
        },
    }


def _wishes() -> Schema:
    return {
        "language": {"type": "string", "description": "A code such as zh; left out, it is found out"},
        "prompt": {"type": "string", "maxLength": LONGEST_PROMPT},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1, "default": 0},
    }


def _either(given: str, other: str) -> Schema:
    """One of two fields is given, and the other is not: it is left out, null or empty."""
    return {
        "required": [given],
        "properties": {given: {"type": "string", "minLength": 1}, other: {"enum": ["", None]}},
    }


def _or_null(field: Schema) -> Schema:
    """The field's schema; null is taken as if the field were not there."""
    return {"anyOf": [field, {"type": "null"}]}


def _reading(summary: str, content: Schema, *codes: str) -> Schema:
    return {
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **_errors(("401", *codes))},
    }


def _open(summary: str, content: Schema, *codes: str) -> Schema:
    """An operation that needs no key."""
    said = _reading(summary, content, *codes)
    return {**said, "security": []}


def _readiness() -> Schema:
    """`/readyz` says in one form whether it is ready, and why not."""
    said = _open("A sentence can be spoken", _json("Anything"))
    said["responses"]["503"] = {"description": "Not yet, or not now", "content": _json("Anything")}
    return said


def _errors(codes: tuple[str, ...]) -> Schema:
    return {code: {"description": ERRORS[code], "content": _json("Refusal")} for code in codes}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _sound(formats: tuple[str, ...]) -> Schema:
    return {FORMATS[name].media_type: {"schema": {"type": "string", "format": "binary"}} for name in formats}


_SCHEMAS: Schema = {
    "Anything": {"type": "object"},
    "Refusal": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "status": {"const": "error"},
            "error": {
                "description": "A sentence for people; below /v1 an object, as OpenAI has it",
                "type": ["string", "object"],
            },
            "code": {"type": "string", "description": "Stable"},
            "field": {"type": "string", "description": "The one that is to blame"},
            "request_id": {"type": "string"},
        },
    },
    "Transcription": {
        "type": "object",
        "required": ["text"],
        "properties": {
            "text": {"type": "string"},
            "language": {"type": "string", "description": "Its English name; of verbose_json"},
            "duration": {"type": "number", "description": "seconds"},
            "segments": {"type": "array", "items": {"type": "object"}},
            "words": {"type": "array", "items": {"type": "object"}},
        },
    },
    "HearingReply": {
        "type": "object",
        "required": ["text", "language", "duration", "segments", "status"],
        "additionalProperties": False,
        "properties": {
            "text": {"type": "string"},
            "language": {"type": "string", "description": "Its code; empty where nothing was heard"},
            "duration": {"type": "number", "description": "seconds"},
            "segments": {"type": "array", "items": {"type": "object"}},
            "status": {"const": "success"},
        },
    },
    "SpeechReply": {
        "type": "object",
        "required": ["audio", "sample_rate", "duration", "status"],
        "additionalProperties": False,
        "properties": {
            "audio": {"type": "string", "contentEncoding": "base64"},
            "sample_rate": {"type": "integer"},
            "duration": {"type": "number", "description": "seconds"},
            "status": {"const": "success"},
        },
    },
}
