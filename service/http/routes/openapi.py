"""`GET /openapi.json`: the OpenAPI description, made from the same tables that the routes read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from service.audio.formats import FORMATS
from service.http.context import context
from service.http.routes.openai import OPENAI_MODELS
from service.http.routes.tts import STREAMED
from service.settings.environment import Settings
from service.speech.request import LIMITS
from service.voices.names import names_of_emotions
from service.voices.port import Engine

if TYPE_CHECKING:
    Schema = dict[str, Any]

ERRORS = {
    "400": "The body is not what its type says",
    "401": "A key is needed",
    "404": "There is no such thing",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "422": "A field is wrong; it is named",
    "429": "Too many requests at once; `Retry-After` says when to come back",
    "503": "The voice cannot answer now; `Retry-After` says when to come back",
    "504": "It took too long",
}


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
            "/readyz": {"get": {**_open("A sentence can be spoken", _json("Anything"), "503")}},
            "/metrics": {
                "get": _open("Measures for Prometheus", {"text/plain": {"schema": {"type": "string"}}})
            },
            "/openapi.json": {"get": _open("This document", _json("Anything"))},
            "/v1/audio/speech": {
                "post": _speaking(
                    "As OpenAI's speech API", _openai_fields(speech), _sound(tuple(FORMATS)), "input"
                )
            },
            "/v1/audio/voices": {"get": _reading("The voices", _json("Anything"))},
            "/v1/models": {"get": _reading("The models", _json("Anything"))},
        },
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _speech_fields(settings: Settings, engine: Engine) -> Schema:
    text = {"type": "string", "maxLength": settings.max_text}
    numbers = {
        name: {"type": "number", "minimum": low, "maximum": high, "default": 1.0}
        for name, (low, high) in LIMITS.items()
    }
    return {
        "text": {**text, "description": "Plain text; give either this or ssml, not empty"},
        "ssml": {
            **text,
            "description": "A <speak> document; p, s, break, prosody, emotion, voice, say-as, sub, phoneme",
        },
        "voice": {
            "enum": ["", *(voice.name for voice in engine.voices())],
            "description": "Empty for the service's own choice",
        },
        "emotion": {"enum": list(names_of_emotions()), "default": "neutral"},
        **numbers,
        "format": {"enum": list(FORMATS), "default": "wav"},
    }


def _openai_fields(speech: Schema) -> Schema:
    return {
        "model": {"enum": list(OPENAI_MODELS)},
        "input": speech["text"],
        "voice": {"type": "string"},
        "response_format": {"enum": list(FORMATS), "default": "mp3"},
        **{name: speech[name] for name in ("speed", "emotion", "intensity", "pitch")},
    }


def _speaking(summary: str, fields: Schema, content: Schema, text: str = "") -> Schema:
    required: Schema = (
        {"required": ["model", text]} if text else {"anyOf": [{"required": ["text"]}, {"required": ["ssml"]}]}
    )
    optional = {name: field if name == "model" else _or_null(field) for name, field in fields.items()}
    body = {"type": "object", "properties": optional, "additionalProperties": False, **required}
    codes = ("400", "401", "404", "413", "415", "422", "429", "503", "504")
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "Spoken", "content": content}, **_errors(codes)},
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


def _errors(codes: tuple[str, ...]) -> Schema:
    return {code: {"description": ERRORS[code], "content": _json("Anything")} for code in codes}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _sound(formats: tuple[str, ...]) -> Schema:
    return {FORMATS[name].media_type: {"schema": {"type": "string", "format": "binary"}} for name in formats}


_SCHEMAS: Schema = {
    "Anything": {"type": "object"},
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
