"""`GET /voices`: what can speak, and how."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from service.audio.formats import FORMATS
from service.http.context import context
from service.speech.request import LIMITS
from service.voices.port import Voice

blueprint = Blueprint("voices", __name__)


@blueprint.get("/voices")
def voices() -> Response:
    """Voices, emotions, formats, the limits of every number, and whether something listens and answers."""
    parts = context()
    engine = parts.speaker.engine
    return jsonify(
        {
            "default": parts.settings.voice or engine.voices()[0].name,
            "voices": [describe_voice(voice) for voice in engine.voices()],
            "emotions": list(engine.emotions()),
            "formats": list(FORMATS),
            "limits": {name: list(limit) for name, limit in LIMITS.items()},
            "max_text": parts.settings.max_text,
            "listens": parts.listener.ears is not None,
            "answers": parts.dialogue.answers,
        }
    )


def describe_voice(voice: Voice) -> dict[str, Any]:
    """A voice as callers see it."""
    return {
        "name": voice.name,
        "language": voice.language,
        "description": voice.description,
        "emotions": list(voice.emotions),
        "can_pitch": voice.can_pitch,
    }
