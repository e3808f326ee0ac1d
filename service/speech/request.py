"""The speech request: a JSON object read into one frozen value, every mistake named by its field."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from service.audio.formats import FORMATS
from service.errors import BadRequestError, InvalidFieldError
from service.text.clean import has_surrogates
from service.voices.names import names_of_emotions

LIMITS = {"intensity": (0.0, 2.0), "speed": (0.5, 2.0), "pitch": (0.5, 2.0)}
"""The least and the greatest value of each number."""
FIELDS = ("text", "ssml", "voice", "emotion", "intensity", "speed", "pitch", "format")


@dataclasses.dataclass(frozen=True)
class SpeechRequest:
    """A request for speech: what somebody wants to hear, and how."""

    text: str = ""
    """Plain text; exactly one of `text` and `ssml` is given."""
    ssml: str = ""
    """An SSML document."""
    voice: str = ""
    """Empty means the service's own choice."""
    emotion: str = "neutral"
    intensity: float = 1.0
    speed: float = 1.0
    pitch: float = 1.0
    format: str = "wav"

    @property
    def said(self) -> str:
        """What is to be spoken, in whichever form it came."""
        return self.ssml or self.text

    @property
    def said_field(self) -> str:
        """The name of the field that says what is to be spoken."""
        return "ssml" if self.ssml else "text"

    @property
    def known_emotion(self) -> str:
        """The emotion, where it is called by a known name; else `unknown`: callers write what they like."""
        return self.emotion if self.emotion in names_of_emotions() else "unknown"

    @functools.cached_property
    def digest(self) -> str:
        """All that shapes the sound, as one word by which the cache knows it; made once.

        The engine and the settings shape it too, and live as long as the cache does.
        """
        return hashlib.sha256(repr(self).encode()).hexdigest()


MOST_MARKS = 100_000
"""Commas and opening brackets of a body: each may be a value that takes twenty times its length in memory."""


def read_json(body: bytes) -> dict[str, Any]:
    """The object that a body holds. Raises `BadRequestError` (`bad_json`)."""
    if len(body) > MOST_MARKS and sum(map(body.count, (b"{", b"[", b","))) > MOST_MARKS:
        raise BadRequestError("the body holds more values than are read here", code="bad_json")
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("the body is not valid JSON in UTF-8", code="bad_json") from error
    if not isinstance(data, dict):
        raise BadRequestError("the body must be a JSON object", code="bad_json")
    return data


def read_speech(
    data: Mapping[str, Any], *, max_text: int, limits: Mapping[str, tuple[float, float]] = LIMITS
) -> SpeechRequest:
    """The request that an object describes.

    Raises `InvalidFieldError` that names the field which is unknown or out of its limits, and
    `BadRequestError` where there is nothing to speak.
    """
    for name in data:
        if name not in FIELDS:
            raise InvalidFieldError(f"unknown field; known are {', '.join(FIELDS)}", field=str(name)[:40])
    given = {name: value for name, value in data.items() if value is not None}
    values: dict[str, Any] = {
        name: _string(given, name) for name in FIELDS if name in given and name not in LIMITS
    }
    values.update({name: _within(given, name, limits[name]) for name in LIMITS if name in given})
    request = SpeechRequest(**values)
    if request.text and request.ssml:
        raise InvalidFieldError("give either text or ssml, not both", field="ssml")
    if not request.said:
        raise BadRequestError("the text is empty or missing", code="text_missing", field="text")
    if len(request.said) > max_text:
        raise InvalidFieldError(
            f"{len(request.said)} characters; at most {max_text} are spoken at once",
            code="text_too_long",
            field=request.said_field,
        )
    if request.format not in FORMATS:
        raise InvalidFieldError(f"must be one of {', '.join(FORMATS)}", field="format")
    return request


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _string(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise InvalidFieldError("must be a string", field=name)
    if has_surrogates(value):
        raise InvalidFieldError("holds half of a surrogate pair, which is no character", field=name)
    return value


def _within(data: Mapping[str, Any], name: str, limit: tuple[float, float]) -> float:
    value, (low, high) = data[name], limit
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidFieldError(f"must be a number from {low:g} to {high:g}", field=name)
    return float(value)
