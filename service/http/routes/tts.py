"""`POST /tts`: JSON in, JSON with the sound in base64 out. `POST /tts/stream`: the sound as it is made."""

from __future__ import annotations

from flask import Blueprint, Response, request

from service.audio.formats import FORMATS
from service.errors import InvalidFieldError
from service.http.answers import note_cached, note_ready
from service.http.body import json_body, note_speech
from service.http.context import context
from service.http.streaming import stream_response
from service.speech.request import SpeechRequest, read_speech

STREAMED = ("wav", "pcm")
"""Formats in which `/tts/stream` sends its sound."""
SMALL = 1 << 20
"""Bytes of a reply that is put together at once."""

blueprint = Blueprint("tts", __name__)


@blueprint.post("/tts")
def tts() -> Response:
    """Speak a text with an emotion at a speed; reply when all of it is ready."""
    asked = _asked()
    speaker = context().speaker
    found = speaker.cached(asked)
    if found is not None:
        note_cached(request.environ, asked)
        return Response(found.reply, mimetype="application/json")
    spoken = speaker.make(asked)
    speech = spoken.speech
    body = speech.reply if speech.reply_length <= SMALL else speech.reply_pieces()
    response = Response(body, mimetype="application/json")
    response.content_length = speech.reply_length
    note_ready(request.environ)
    response.call_on_close(spoken.done)
    return response


@blueprint.post("/tts/stream")
def stream() -> Response:
    """Speak the same, sentence by sentence, as one sound that begins to arrive with the first of them."""
    asked = _asked()
    if asked.format not in STREAMED:
        raise InvalidFieldError(
            f"only {' and '.join(STREAMED)} can be streamed", code="unsupported", field="format"
        )
    return stream_response(context().speaker.stream(asked), FORMATS[asked.format].media_type)


def _asked() -> SpeechRequest:
    asked = read_speech(json_body(), max_text=context().settings.max_text)
    note_speech(asked)
    return asked
