"""The way from somebody's file to the words in it: decoded, admitted, and heard piece by piece."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator
from typing import Any, Protocol

from service.admission.ledger import SHORT_BYTES, Lease, Ledger, too_much_body
from service.audio.decoder import Decoders
from service.audio.pcm import BYTES_PER_SAMPLE, Audio
from service.errors import NotFoundError, UnavailableError
from service.hearing import forms
from service.hearing.port import Ears, Heard, Segment, Wish
from service.hearing.request import HearingRequest
from service.settings.environment import Settings
from service.workers import wire
from service.workers.floor import FLOOR
from service.workers.leaving import current_visit


class Measures(Protocol):
    """What is told of every piece that was heard."""

    def heard(self, sound: Audio, seconds: float) -> None:
        """A piece of sound was heard in so many seconds."""


@dataclasses.dataclass(frozen=True)
class Understood:
    """All that was heard in a sound."""

    segments: tuple[Segment, ...]
    language: str
    """As ISO 639-1; empty where nobody told and nothing was heard."""
    seconds: float
    """How long the sound is."""

    @property
    def text(self) -> str:
        """All that was said."""
        return forms.joined(self.segments)


class Listener:
    """The one place that makes words of sounds, with one engine; all threads share it."""

    def __init__(
        self,
        ears: Ears | None,
        decoders: Decoders,
        settings: Settings,
        ledger: Ledger,
        measures: Measures,
    ) -> None:
        self.ears = ears
        self._decoders = decoders
        self._settings = settings
        self._ledger = ledger
        self._measures = measures

    def check(self) -> Ears:
        """The engine. Raises `NotFoundError` where this service has none."""
        if self.ears is None:
            raise NotFoundError(
                "nothing listens here: whoever runs this service has not set TTS_EARS", code="no_ears"
            )
        return self.ears

    def hear(self, request: HearingRequest) -> Understood:
        """All that is said in the file. Raises `ServiceError`."""
        pieces = self.pieces(request)
        heard = list(pieces)
        segments = [segment for one in heard for segment in one.segments]
        return Understood(tuple(segments), heard[0].language, heard[0].seconds)

    def hear_samples(self, sound: Audio, wish: Wish, deadline: float) -> Understood:
        """All that is said in samples that came live, of at most half a minute. Raises `ServiceError`.

        Whoever received them has room for them.
        """
        began = time.monotonic()
        with FLOOR.aside():
            heard = self.check().hear(sound, wish, deadline)
        self._measures.heard(sound, time.monotonic() - began)
        return Understood(heard.segments, heard.language, sound.duration)

    def pieces(self, request: HearingRequest) -> Generator[Understood, None, None]:
        """What is said in the file, piece by piece as it is heard; at least one.

        The file is decoded, admitted and its first piece heard before this returns, so a mistake can still
        be answered with its status. Whoever gets the iterator must exhaust or close it.
        Raises `ServiceError`.
        """
        ears = self.check()
        deadline = time.monotonic() + self._settings.ears_deadline
        current_visit().check()
        # What it brings is counted by whoever received it; what it takes is known when it is decoded.
        lease = self._ledger.enter(0, long=len(request.data) > SHORT_BYTES)
        heard = self._heard(ears, request, lease, deadline)
        try:
            first = next(heard)
        except BaseException:
            heard.close()
            lease.leave()
            raise
        return _with_first(first, heard)

    def _heard(
        self, ears: Ears, request: HearingRequest, lease: Lease, deadline: float
    ) -> Generator[Understood, None, None]:
        visit = current_visit()
        visit.first = not lease.long
        try:
            sound, stretches = self._decoded(request.data, lease, deadline)
            wish, size = request.wish, BYTES_PER_SAMPLE
            for start, end in stretches or ((0, 0),):
                visit.check()
                if start == end:  # silence from its beginning to its end
                    heard = Heard(language=wish.language)
                else:
                    piece = Audio(sound.pcm[size * start : size * end], sound.sample_rate)
                    began = time.monotonic()
                    with FLOOR.aside():
                        heard = ears.hear(piece, wish, deadline)
                    self._measures.heard(piece, time.monotonic() - began)
                # What the first piece was found to be spoken in, the others are as well.
                wish = dataclasses.replace(wish, language=wish.language or heard.language)
                later = tuple(one.later(start / sound.sample_rate) for one in heard.segments)
                yield Understood(later, wish.language, sound.duration)
        finally:
            lease.leave()

    def _decoded(
        self, data: bytes, lease: Lease, deadline: float
    ) -> tuple[Audio, tuple[tuple[int, int], ...]]:
        """The samples of a file, once there is room for them."""
        with self._decoders.decoded(data, self._settings.max_audio, deadline) as found:
            if found.size > self._ledger.budget.long_bytes:
                raise too_much_body(found.size, self._ledger.budget.long_bytes)
            lease.grow(found.size)
            try:
                return found.fetch(), found.pieces
            except wire.ClosedError as error:
                raise UnavailableError(
                    "the decoder crashed on this request", code="decoder_crashed", retry_after=1
                ) from error


def hearing_facts(request: HearingRequest) -> dict[str, Any]:
    """What the log tells of a request: numbers and known names."""
    return {
        "file_bytes": len(request.data),
        "language": request.wish.language or None,
        "format": request.form,
        "translate": request.wish.translate or None,
    }


def _with_first(
    first: Understood, rest: Generator[Understood, None, None]
) -> Generator[Understood, None, None]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()
