"""What the worker programs of ears have in common: a job's way in, and what was heard on its way out."""

from __future__ import annotations

import dataclasses
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from service.audio.pcm import Audio
from service.hearing.port import Heard, Wish
from service.workers import attend, wire

if TYPE_CHECKING:
    Hearing = Callable[[Audio, Wish, Callable[[], bool]], Heard]
    """Hears a sound as it is wished, as long as the last argument says that it is wanted."""

BODY_WAIT = 10.0
"""Seconds in which the sound must have been handed over."""


class UnfulfilledError(Exception):
    """A wish that this engine or its model cannot fulfil; the field of the request, and why, for callers."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field
        self.why = why


def serve_ears(arguments: list[str], load: Callable[[], tuple[Hearing, dict[str, Any]]]) -> None:
    """Hear until whoever keeps this process is gone; `load` is as `attend` has it."""

    def begin() -> tuple[Callable[[socket.socket, dict[str, Any]], None], dict[str, Any]]:
        hear, greeting = load()
        return lambda sock, job: answer_job(hear, sock, job), greeting

    attend.attend(arguments, begin)


def answer_job(hear: Hearing, sock: socket.socket, job: dict[str, Any]) -> None:
    """Hear the sound that comes behind a job, and tell what was heard."""
    _, pcm = wire.receive_message(sock, time.monotonic() + BODY_WAIT)
    wish = Wish(**{field.name: job[field.name] for field in dataclasses.fields(Wish)})
    try:
        heard = hear(Audio(pcm, job["rate"]), wish, lambda: not wire.is_left(sock))
    except UnfulfilledError as error:
        wire.send_message(sock, {"problem": "unsupported", "field": error.field, "why": error.why})
        return
    except Exception as error:  # noqa: BLE001 - whatever a model raises, the next job may still work
        # Its kind alone: its words may be somebody's.
        print(f"ears: {type(error).__name__}", file=sys.stderr, flush=True)  # noqa: T201
        wire.send_message(sock, {"problem": "ears_failed"})
        return
    wire.send_message(sock, heard.as_message())
