"""The request to listen: a file and fields read into one frozen value, every mistake named by its field."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from service.errors import BadRequestError, InvalidFieldError
from service.hearing.languages import NAMES, language_code
from service.hearing.port import Wish
from service.text.clean import has_surrogates

FORMS = ("json", "text", "srt", "vtt", "verbose_json")
"""The forms that an answer may have."""
GRANULARITIES = ("word", "segment")
LONGEST_PROMPT = 2000
"""Characters of a prompt: models read a few hundred words of it."""


@dataclasses.dataclass(frozen=True)
class HearingRequest:
    """A request to listen to a sound."""

    data: bytes
    """A file in some format."""
    wish: Wish
    form: str = "json"
    """One of `FORMS`."""
    granularities: tuple[str, ...] = ("segment",)
    """Which times a verbose answer tells."""
    stream: bool = False
    """Whether what is heard is told piece by piece."""


def read_hearing(
    data: bytes | None, fields: Mapping[str, Sequence[str]], *, translate: bool = False
) -> HearingRequest:
    """The request that a file and the fields of a form describe.

    Raises `InvalidFieldError` that names the field which means nothing, and `BadRequestError` without a file.
    """
    if data is None:
        raise BadRequestError("the sound is missing", code="file_missing", field="file")
    form = _one(fields, "response_format") or "json"
    if form not in FORMS:
        raise InvalidFieldError(f"must be one of {', '.join(FORMS)}", field="response_format")
    granularities = tuple(
        dict.fromkeys(
            value
            for name in ("timestamp_granularities[]", "timestamp_granularities")
            for value in fields.get(name, ())
        )
    )
    if not set(granularities) <= set(GRANULARITIES):
        raise InvalidFieldError(
            f"must be some of {', '.join(GRANULARITIES)}", field="timestamp_granularities"
        )
    if granularities and form != "verbose_json":
        raise InvalidFieldError("only verbose_json tells them", field="timestamp_granularities")
    stream = _flag(fields, "stream")
    if stream and form not in ("json", "text"):
        raise InvalidFieldError("only json and text are told piece by piece", field="stream")
    wish = Wish(
        language=_language(_one(fields, "language")),
        prompt=_prompt(_one(fields, "prompt")),
        temperature=_temperature(_one(fields, "temperature")),
        translate=translate,
        words="word" in granularities,
    )
    return HearingRequest(data, wish, form, granularities or ("segment",), stream)


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name, ())
    if len(values) > 1:
        raise InvalidFieldError("came more than once", field=name)
    return values[0] if values else ""


def _language(said: str) -> str:
    code = language_code(said) if said else ""
    if code is None:
        raise InvalidFieldError(
            f"no such language; {len(NAMES)} are known by their codes, such as zh and en",
            code="unknown_language",
            field="language",
        )
    return code


def _prompt(said: str) -> str:
    if len(said) > LONGEST_PROMPT:
        raise InvalidFieldError(
            f"{len(said)} characters; at most {LONGEST_PROMPT} are read", code="text_too_long", field="prompt"
        )
    if has_surrogates(said) or "\0" in said:
        raise InvalidFieldError("holds what is no character", field="prompt")
    return said


def _temperature(said: str) -> float:
    try:
        value = float(said or 0.0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise InvalidFieldError("must be a number from 0 to 1", field="temperature")
    return value


def _flag(fields: Mapping[str, Sequence[str]], name: str) -> bool:
    said = _one(fields, name).lower()
    if said not in ("", "true", "false", "1", "0"):
        raise InvalidFieldError("must be true or false", field=name)
    return said in ("true", "1")
