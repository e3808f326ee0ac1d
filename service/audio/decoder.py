"""Decoders in processes that may die, as those see them who were sent a file."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import socket
from collections.abc import Iterator

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, ServiceError
from service.workers import wire
from service.workers.crew import Program
from service.workers.floor import FLOOR
from service.workers.pool import Pool, WorkerDiedError

DECODER_PROGRAM = Program("service.audio.decoder_worker", start_wait=30.0, what="decoder")
PROBLEMS = {
    "not_audio": "this is no sound in a format that is read here, such as wav, flac, mp3, ogg, webm or m4a",
    "no_samples": "there is no sound in it",
    "not_numbers": "its samples are not all numbers",
    "odd_rate": "it has fewer than 1000 or more than 768000 samples a second",
    "many_channels": "it has more than 32 channels",
    "too_rich": "it has too many samples for its decoding: a lower rate or fewer channels will do",
}
"""What a decoder may find, in words."""


@dataclasses.dataclass(frozen=True)
class Decoded:
    """A sound that a decoder process has ready."""

    duration: float
    """Seconds."""
    size: int
    """Bytes of its samples."""
    pieces: tuple[tuple[int, int], ...]
    """Stretches that hold something, in samples: each short enough to be heard at once."""
    rate: int
    sock: socket.socket
    deadline: float

    def fetch(self) -> Audio:
        """The samples; within the block of `Decoders.decoded`, which knows what this raises."""
        with FLOOR.aside():
            wire.send_message(self.sock, {}, b"", self.deadline)
            _, pcm = wire.receive_message(self.sock, self.deadline)
        return Audio(pcm, self.rate)


class Decoders:
    """The decoder processes."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @contextlib.contextmanager
    def decoded(self, data: bytes, most_seconds: float, deadline: float) -> Iterator[Decoded]:
        """What a file holds, for the length of the block.

        Raises `InvalidFieldError` where it cannot be heard, also where a decoder died of it twice,
        `DeadlineError`, `GoneError`, and `UnavailableError` when no decoder became free.
        """
        try:
            with self._taken(data, most_seconds, deadline) as found:
                yield found
        except WorkerDiedError as error:
            raise _unheard("not_audio") from error

    @contextlib.contextmanager
    def _taken(self, data: bytes, most_seconds: float, deadline: float) -> Iterator[Decoded]:
        """The same, once more where a decoder died of it before it had found anything."""
        job = {"most": most_seconds}
        with contextlib.ExitStack() as stack:
            try:
                with contextlib.ExitStack() as first:
                    sock = first.enter_context(self.pool.handed_in(job, deadline))
                    found = self._found(sock, data, most_seconds, deadline)
                    stack.push(first.pop_all())
            except WorkerDiedError:
                self.pool.retried += 1
                sock = stack.enter_context(self.pool.handed_in(job, deadline))
                found = self._found(sock, data, most_seconds, deadline)
            yield found

    def _found(self, sock: socket.socket, data: bytes, most_seconds: float, deadline: float) -> Decoded:
        self.pool.hand_over(sock, data, deadline)
        with FLOOR.aside():
            told, _ = wire.receive_message(sock, deadline)
        if told.get("problem") == "too_long":
            raise InvalidFieldError(
                f"this is more than {most_seconds:.0f} seconds of sound", code="audio_too_long", field="file"
            )
        if "problem" in told:
            raise _unheard(told["problem"])
        return Decoded(
            duration=told["samples"] / told["rate"],
            size=2 * told["samples"],
            pieces=tuple((start, end) for start, end in told["pieces"]),
            rate=told["rate"],
            sock=sock,
            deadline=deadline,
        )


def _unheard(problem: str) -> ServiceError:
    return InvalidFieldError(PROBLEMS[problem], code="bad_audio", field="file")


def decoder_pool(size: int, *, queue_wait: float) -> Pool:
    """So many decoder processes."""
    return Pool(DECODER_PROGRAM, size, queue_wait=queue_wait, name="decoder")


@functools.lru_cache(maxsize=None)  # noqa: UP033 - `cache` is of Python 3.9
def own_decoders() -> Decoders:
    """Decoder processes that this process keeps until it ends, for applications that are served otherwise."""
    decoders = Decoders(decoder_pool(1, queue_wait=20.0))
    atexit.register(decoders.pool.stop)
    return decoders
