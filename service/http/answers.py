"""Answers as the log, the measures and the server are told of them."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from service.http.logs import log_request
from service.speech.metrics import Metrics
from service.speech.request import SpeechRequest

OPEN_PATHS = ("/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths of probes and descriptions: they need no key, and only their failures are logged.

The web page needs no key either; what it asks for does.
"""
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CACHED = "service.cached"
_ANSWER = "service.answer"
_READY = "service.ready"


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer, as its line in the log and the measures tell of it."""

    request_id: str
    method: str
    route: str
    """The pattern of the path, not the path."""
    status: int
    seconds: float
    """How long it took to make it."""
    length: int | None
    """Bytes of its body; None where nobody knows before its end."""
    error: str | None
    """The stable code of what went wrong; None where nothing did."""
    speech_facts: Mapping[str, Any]
    """What the log tells of the speech that was asked for; empty for all other requests."""


@dataclasses.dataclass(frozen=True)
class RepeatableAnswer:
    """An answer that the cache gave, which the same request is to be given again."""

    asked: SpeechRequest
    """The speech that was asked for."""
    answer: Answer


def request_id_of(offered: str) -> str:
    """The identifier that a caller offers, if it is harmless, or else a new one."""
    return offered if _ID.fullmatch(offered) else new_request_id()


def new_request_id() -> str:
    """An identifier that no other request has."""
    return os.urandom(16).hex()


def record_answer(measures: Metrics, answer: Answer) -> None:
    """Count an answer, and write its line into the log."""
    measures.answered(answer.route, answer.status, answer.seconds)
    if answer.route in OPEN_PATHS and answer.status < 400:
        return
    log_request(
        {
            "request_id": answer.request_id,
            "method": answer.method,
            "route": answer.route,
            "status": answer.status,
            "milliseconds": round(1000 * answer.seconds, 1),
            "bytes": answer.length,
            "error": answer.error,
            **answer.speech_facts,
        }
    )


def note_cached(environ: MutableMapping[str, Any], asked: SpeechRequest) -> None:
    """Tell the server that the cache answers the request of this WSGI environment."""
    environ[_CACHED] = asked


def note_answer(environ: MutableMapping[str, Any], answer: Answer) -> None:
    """Tell the server how the request of this WSGI environment was answered."""
    environ[_ANSWER] = answer


def repeatable_answer(environ: Mapping[str, Any]) -> RepeatableAnswer | None:
    """The answer that the cache gave to the request of this WSGI environment; None where it gave none."""
    if _CACHED in environ and _ANSWER in environ:
        return RepeatableAnswer(environ[_CACHED], environ[_ANSWER])
    return None


def note_ready(environ: MutableMapping[str, Any]) -> None:
    """Tell the server that reading the body of the answer to this WSGI environment waits for nothing."""
    environ[_READY] = True


def is_ready(environ: Mapping[str, Any]) -> bool:
    """Whether reading the body of the answer waits for nothing."""
    return _READY in environ
