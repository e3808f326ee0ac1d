"""The body of a request, read within the service's limits."""

from __future__ import annotations

from typing import Any

from flask import g, request

from service.errors import BodyTooLargeError, UnsupportedMediaError
from service.http.context import context
from service.speech.request import SpeechRequest, read_json
from service.speech.speaker import speech_facts


def json_body() -> dict[str, Any]:
    """The JSON object that the current request carries. Raises `ServiceError` (400, 413, 415)."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaError("the body must be application/json")
    limit = context().settings.max_body
    if (request.content_length or 0) > limit:
        raise BodyTooLargeError(f"the body is longer than {limit} bytes")
    return read_json(request.get_data(cache=False))


def note_speech(asked: SpeechRequest) -> None:
    """Have the log line of the current request tell which speech was asked for."""
    g.speech_facts = speech_facts(asked, context().settings, context().speaker.engine)
