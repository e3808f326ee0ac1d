"""`POST /tts`: JSON in, JSON with the sound in base64 out. `POST /tts/stream`: the sound as it is made."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, request

from service.audio.formats import FORMATS, wav_header
from service.audio.pcm import Audio
from service.errors import InvalidFieldError
from service.http.answers import note_cached
from service.http.body import json_body, note_speech
from service.http.context import context
from service.http.streaming import guard_sounds
from service.speech.request import SpeechRequest, read_speech

STREAMED = ("wav", "pcm")
"""Formats that can be sent before their end is known."""

blueprint = Blueprint("tts", __name__)


@blueprint.post("/tts")
def tts() -> Response:
    """Speak a text with an emotion at a speed; reply when all of it is ready."""
    asked = _asked()
    speaker = context().speaker
    result = speaker.cached(asked)
    if result is None:
        result = speaker.make(asked)
    else:
        note_cached(request.environ, asked)
    return Response(result.reply, mimetype="application/json")


@blueprint.post("/tts/stream")
def stream() -> Response:
    """Speak the same, sentence by sentence, as one sound that begins to arrive with the first of them."""
    asked = _asked()
    if asked.format not in STREAMED:
        raise InvalidFieldError(
            f"only {' and '.join(STREAMED)} can be streamed", code="unsupported", field="format"
        )
    return stream_reply(asked)


def stream_reply(asked: SpeechRequest) -> Response:
    """A reply that carries each sentence as soon as it is spoken."""
    sounds = context().speaker.stream(asked)
    response = Response(_bytes(guard_sounds(sounds), asked.format), mimetype=FORMATS[asked.format].media_type)
    response.call_on_close(sounds.close)
    return response


def _bytes(sounds: Iterator[Audio], name: str) -> Iterator[bytes]:
    for index, audio in enumerate(sounds):
        if index == 0 and name == "wav":
            yield wav_header(audio.sample_rate, None)
        yield audio.pcm


def _asked() -> SpeechRequest:
    asked = read_speech(json_body(), max_text=context().settings.max_text)
    note_speech(asked)
    return asked
