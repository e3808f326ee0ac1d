"""`POST /v1/dialogue`: a question comes, and its answer as events, spoken while it is written."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from service.dialogue.port import Message
from service.errors import BadRequestError, InvalidFieldError
from service.hearing.listener import hearing_facts
from service.hearing.request import read_hearing
from service.http.body import form_body, note_facts
from service.http.context import context
from service.http.streaming import server_event, stream_response
from service.voices.names import voice_named

if TYPE_CHECKING:
    Fields = Mapping[str, Sequence[str]]

DIALOGUE_FIELDS = ("text", "voice", "language", "prompt", "messages")
"""Fields beside the file."""
ROLES = ("user", "assistant")
MOST_MESSAGES = 40

blueprint = Blueprint("dialogue", __name__)


@blueprint.post("/v1/dialogue")
def dialogue() -> Response:
    """Hear a question, ask whoever answers, and speak the answer while it is still being written."""
    parts = context()
    parts.dialogue.check()
    data, fields = form_body("file", DIALOGUE_FIELDS)
    voice = _one(fields, "voice")
    if voice:
        voice_named(voice, parts.speaker.engine.voices())
    earlier = _messages(_one(fields, "messages"))
    question, language = _question(data, fields)
    heard = {"type": "heard", "text": question, "language": language}
    if not question:
        return stream_response(_events(iter([heard])), "text/event-stream")
    events = parts.dialogue.events((*earlier, Message("user", question)), voice)
    return stream_response(_events(itertools.chain([heard], events)), "text/event-stream")


def _question(data: bytes | None, fields: Fields) -> tuple[str, str]:
    """What was asked, and in which language; empty where nothing was heard."""
    typed = _one(fields, "text")
    if data is None:
        if not typed:
            raise BadRequestError("give a file, or text", code="file_missing", field="file")
        most = context().settings.max_text
        if len(typed) > most:
            raise InvalidFieldError(
                f"{len(typed)} characters; at most {most} are read", code="text_too_long", field="text"
            )
        return typed, ""
    if typed:
        raise InvalidFieldError("give either a file or text, not both", field="text")
    listener = context().listener
    listener.check()
    asked = read_hearing(data, {name: fields.get(name, ()) for name in ("language", "prompt")})
    asked = dataclasses.replace(asked, wish=dataclasses.replace(asked.wish, soon=True))
    note_facts(hearing_facts(asked))
    found = listener.hear(asked)
    note_facts({"audio_seconds": round(found.seconds, 3), "language": found.language or None})
    return found.text, found.language


def _messages(said: str) -> list[Message]:
    """The conversation so far, which the caller keeps."""
    if not said:
        return []
    wrong = InvalidFieldError(
        f"must be a JSON array of at most {MOST_MESSAGES} objects with role ({', '.join(ROLES)}) and content",
        field="messages",
    )
    try:
        found = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise wrong from error
    if not isinstance(found, list) or len(found) > MOST_MESSAGES:
        raise wrong
    return [_message(one, wrong) for one in found]


def _message(one: Any, wrong: InvalidFieldError) -> Message:
    if not isinstance(one, dict) or set(one) != {"role", "content"}:
        raise wrong
    if one["role"] not in ROLES or not isinstance(one["content"], str):
        raise wrong
    return Message(one["role"], one["content"])


def _one(fields: Fields, name: str) -> str:
    values = fields.get(name, ())
    if len(values) > 1:
        raise InvalidFieldError("came more than once", field=name)
    return values[0] if values else ""


def _events(events: Any) -> Generator[bytes, None, None]:
    for one in events:
        yield server_event(one)
