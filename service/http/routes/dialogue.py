"""`/v1/dialogue`: a question comes by POST, or many live; what is answered is spoken while it is written."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from service.dialogue.port import Message
from service.dialogue.session import Choices, Session
from service.errors import BadRequestError, ForeignOriginError, InvalidFieldError, NoWebSocketError
from service.hearing.listener import hearing_facts
from service.hearing.request import read_hearing
from service.http.body import form_body, note_facts
from service.http.context import context
from service.http.live import caller_of
from service.http.streaming import server_event, stream_response
from service.voices.names import voice_named

if TYPE_CHECKING:
    Fields = Mapping[str, Sequence[str]]

DIALOGUE_FIELDS = ("text", "voice", "language", "prompt", "messages")
"""Fields beside the file."""
LIVE_FIELDS = ("voice", "language", "prompt")
"""What the address of a live conversation may ask for."""
SESSION_BYTES = 3 << 20
"""What a live conversation holds: what was said, what came behind it, and what its answers are ahead."""
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


@blueprint.get("/v1/dialogue")
def not_live() -> Response:
    """Say what is needed to converse, or what is wrong with what was asked for besides."""
    _choices()
    raise NoWebSocketError("a WebSocket is needed to converse here; by POST, a question may come as a file")


@blueprint.get("/v1/dialogue", websocket=True)
def live() -> Response:
    """Converse live through a WebSocket, for as long as the caller likes."""
    parts = context()
    parts.dialogue.check()
    parts.listener.check()
    caller = caller_of(request.environ)
    if caller is None:
        raise NoWebSocketError("this service has no WebSockets: whoever runs it has not installed wsproto")
    _check_origin()
    choices = _choices()
    room = parts.speaker.ledger.reserve(SESSION_BYTES)
    try:
        caller.accept()
        session = Session(caller, choices, parts.listener, parts.dialogue, parts.settings)
        session.run()
    finally:
        room.leave()
    note_facts({"audio_seconds": round(session.seconds, 3)})
    return Response(status=101)


def _choices() -> Choices:
    """What the address asks for."""
    for name in request.args:
        if name not in LIVE_FIELDS:
            raise InvalidFieldError(f"unknown field; known are {', '.join(LIVE_FIELDS)}", field=name[:40])
    fields = {name: request.args.getlist(name) for name in LIVE_FIELDS}
    voice = _one(fields, "voice")
    if voice:
        voice_named(voice, context().speaker.engine.voices())
    wish = read_hearing(b"", {name: fields[name] for name in ("language", "prompt")}).wish
    return Choices(voice, wish.language, wish.prompt)


def _check_origin() -> None:
    """Refuse pages of other places: browsers let any page open a WebSocket to anywhere. RFC 6455, 10.2."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise ForeignOriginError("a page of another place may not converse through this service")


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
