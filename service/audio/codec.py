"""Encoders in processes that may die, as those see them who want a sound in some format."""

from __future__ import annotations

import atexit
import contextlib
import functools
import socket
from collections.abc import Iterator
from typing import Any

from service.audio.pcm import Audio
from service.errors import UnavailableError
from service.workers import wire
from service.workers.crew import Program
from service.workers.floor import FLOOR
from service.workers.pool import Pool, WorkerDiedError

CODEC_PROGRAM = Program("service.audio.codec_worker", start_wait=30.0)
PIECE = 1 << 20
"""Bytes of samples that are handed over at once."""


class Encoder:
    """One file or stream that is being encoded; no call waits for the codec longer than the deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self.rate = 0
        """Samples a second in what was encoded."""

    def add(self, sound: Audio) -> Iterator[bytes]:
        """Encode a sound; what is done of the stream, nothing where a whole file is made."""
        for place in range(0, len(sound.pcm), PIECE):
            piece = sound.pcm[place : place + PIECE]
            yield self._said({"rate": sound.sample_rate}, piece)

    def add_whole(self, sound: Audio) -> None:
        """Encode a sound of a whole file."""
        for _ in self.add(sound):
            pass  # the file comes at its end

    def end(self) -> bytes:
        """What remains of the stream, or the whole file."""
        return self._said({}, b"")

    def _said(self, head: dict[str, Any], body: bytes) -> bytes:
        with FLOOR.aside():
            wire.send_message(self._sock, head, body, self._deadline)
            answer, data = wire.receive_message(self._sock, self._deadline)
        self.rate = answer["sample_rate"]
        return data


@functools.lru_cache(maxsize=None)  # noqa: UP033 - `cache` is of Python 3.9
def own_codecs() -> Codecs:
    """Codec processes that this process keeps until it ends, for applications that are served otherwise."""
    codecs = Codecs(codec_pool(1, queue_wait=20.0))
    atexit.register(codecs.pool.stop)
    return codecs


def codec_pool(size: int, *, queue_wait: float) -> Pool:
    """So many codec processes."""
    return Pool(CODEC_PROGRAM, size, queue_wait=queue_wait, name="codec")


class Codecs:
    """The codec processes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @contextlib.contextmanager
    def encoder(self, name: str, deadline: float, *, rate: int = 0, whole: bool = True) -> Iterator[Encoder]:
        """An encoder of a format for the length of the block; `rate` is the one to resample to.

        Raises `DeadlineError`, `GoneError`, and `UnavailableError` when the codec died.
        """
        job = {"format": name, "to": rate, "whole": whole}
        try:
            with self.pool.handed_in(job, deadline) as sock:
                self.pool.first_message(sock, deadline)
                yield Encoder(sock, deadline)
        except WorkerDiedError as error:
            raise UnavailableError(
                "the codec crashed on this request", code="codec_crashed", retry_after=1
            ) from error
