"""The body of a request, read within the service's limits."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from typing import IO, Any

from flask import Request, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import BadRequestError, BodyTooLargeError, InvalidFieldError, UnsupportedMediaError
from service.http.context import context
from service.speech.request import SpeechRequest, read_json
from service.speech.speaker import speech_facts

UPLOADS = frozenset(("/v1/audio/transcriptions", "/v1/audio/translations", "/asr", "/v1/dialogue"))
"""Paths to which sounds are sent, so that their bodies may be longer."""
MOST_PARTS = 64
"""Parts of a form."""
LONGEST_FIELDS = 1 << 18
"""Bytes of all fields of a form that are no file."""
EMPTY_FORM = 80
"""Bytes of a form without parts, its last boundary: 70 characters at most. Source: RFC 2046, 5.1.1."""


class ServiceRequest(Request):
    """A request whose body is read as far as its path allows, and never put into a file."""

    max_form_parts = MOST_PARTS

    @property  # type: ignore[misc]
    def max_content_length(self) -> int:  # type: ignore[override]
        """Bytes of the body; what comes in pieces is read only this far."""
        settings = context().settings
        return settings.max_upload if self.path in UPLOADS else settings.max_body

    @property  # type: ignore[misc]
    def max_form_memory_size(self) -> int:  # type: ignore[override]
        """Bytes of the fields of a form."""
        return LONGEST_FIELDS

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def json_body() -> dict[str, Any]:
    """The JSON object that the current request carries. Raises `ServiceError` (400, 413, 415)."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaError("the body must be application/json")
    limit = request.max_content_length or 0
    if (request.content_length or 0) > limit:
        raise BodyTooLargeError(f"the body is longer than {limit} bytes")
    return read_json(request.get_data(cache=False))


def form_body(file: str, known: Sequence[str]) -> tuple[bytes | None, Mapping[str, Sequence[str]]]:
    """The file and the fields of the form that the current request carries; None where there is no file.

    Raises `ServiceError` (400, 413, 415, 422).
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaError("the body must be multipart/form-data")
    limit = request.max_content_length or 0
    if (request.content_length or 0) > limit:
        raise BodyTooLargeError(f"the body is longer than {limit} bytes")
    try:
        sent = request.files.getlist(file)
    except RequestEntityTooLarge as error:
        raise BodyTooLargeError(
            f"the body is longer than {limit} bytes, or a form of more than {MOST_PARTS} parts, "
            f"or with fields of more than {LONGEST_FIELDS} bytes"
        ) from error
    if not request.form and not request.files and (request.content_length or 0) > EMPTY_FORM:
        raise BadRequestError(
            "the form holds no part: see that its boundary is the one that the head names, and comes last",
            code="bad_form",
        )
    for name in (*request.form, *request.files):
        if name not in (file, *known):
            raise InvalidFieldError(
                f"unknown field; known are {', '.join((file, *known))}", field=str(name)[:40]
            )
        if (name == file) is (name in request.form):
            said = "must be a file: its part has no filename" if name == file else "must not be a file"
            raise InvalidFieldError(said, field=name)
    if len(sent) > 1:
        raise InvalidFieldError("came more than once", field=file)
    return sent[0].stream.read() if sent else None, request.form.to_dict(flat=False)


def decode_base64(data: Mapping[str, Any], name: str) -> bytes | None:
    """The bytes that a field of a JSON object holds; None where it is not there. Raises `ServiceError`."""
    said = data.get(name)
    if said is None:
        return None
    try:
        return base64.b64decode(said, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise BadRequestError("must be base64", code="bad_base64", field=name) from error


def note_speech(asked: SpeechRequest) -> None:
    """Have the log line of the current request tell which speech was asked for."""
    g.speech_facts = speech_facts(asked, context().settings, context().speaker.engine)


def note_facts(facts: Mapping[str, Any]) -> None:
    """Have the log line of the current request tell more."""
    g.speech_facts = {**g.get("speech_facts", {}), **facts}
