"""Callers who are connected both ways, as the server hands them to a route."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from service.dialogue.port import Caller

_CALLER = "service.caller"


def note_caller(environ: MutableMapping[str, Any], caller: Caller) -> None:
    """Tell the application that the request of this WSGI environment can become a conversation."""
    environ[_CALLER] = caller


def caller_of(environ: Mapping[str, Any]) -> Caller | None:
    """Who is connected both ways; None for an ordinary request, and where the server has no WebSockets."""
    return environ.get(_CALLER)
