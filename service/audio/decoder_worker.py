"""The program of a decoder process: it takes somebody's file, and says what sound is in it."""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from service.audio.decoding import RATE, SoundError, decode_sound
from service.audio.pieces import cut_pieces
from service.workers import attend, wire

if TYPE_CHECKING:
    from service.workers.attend import Answer

MEMORY = 1 << 30
"""Bytes of address space that a decoder may take beyond what it has once it is loaded."""
BODY_WAIT = 10.0
"""Seconds in which the file must have been handed over."""


def serve_decoder(arguments: list[str]) -> None:
    """Decode until whoever keeps this process is gone."""
    attend.attend(arguments, _begin)


def _begin() -> tuple[Answer, dict[str, Any]]:
    known = ["soundfile"]
    with contextlib.suppress(ImportError):
        import av

        # FFmpeg writes what it thinks of a file to standard error: it may be a caller's words.
        av.logging.set_level(av.logging.PANIC)
        known.append("av")
    _bound_memory()
    return _answer, {"decoders": known}


def _answer(sock: socket.socket, job: dict[str, Any]) -> None:
    """First what there is, and when it is wanted, its samples: whoever asks decides whether there is room."""
    _, data = wire.receive_message(sock, time.monotonic() + BODY_WAIT)
    try:
        samples = decode_sound(data, job["most"], lambda: _check(sock))
        pieces = cut_pieces(samples, RATE)
    except SoundError as error:
        wire.send_message(sock, {"problem": error.problem})
        return
    except MemoryError:
        wire.send_message(sock, {"problem": "not_audio"})
        return
    wire.send_message(sock, {"samples": len(samples), "rate": RATE, "pieces": pieces})
    wire.receive_message(sock, time.monotonic() + BODY_WAIT)
    wire.send_message(sock, {}, samples.tobytes(), time.monotonic() + job["seconds"])


def _check(sock: socket.socket) -> None:
    """Whoever asks is to send nothing before it is answered. Raises `ClosedError` where it is gone."""
    if wire.is_left(sock):
        raise wire.ClosedError


def _bound_memory() -> None:
    """A header can ask a decoder for any amount; the kernel is to say no before the machine has none left."""
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - one line of the kernel's
            taken = int(file.read().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = taken + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most if hard < 0 else min(most, hard), hard))


if __name__ == "__main__":
    serve_decoder(sys.argv[1:])
