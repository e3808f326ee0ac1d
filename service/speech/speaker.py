"""The way from a request to its sound: script, sentences, voice, format; admitted, cached, and made once."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import itertools
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

from service.admission.cache import Cache, EncodedSpeech
from service.admission.flights import Flights
from service.admission.ledger import Budget, Lease, Ledger
from service.audio.codec import Codecs, own_codecs
from service.audio.formats import FORMATS, wav_header
from service.audio.pcm import BYTES_PER_SAMPLE, Audio, silence
from service.errors import BodyTooLargeError, InvalidFieldError, ServiceError
from service.settings.environment import Settings
from service.settings.sizing import ANSWER_MEMORY, MOST_ADMITTED
from service.speech import metrics
from service.speech.plan import SpeechPlan, plan_speech
from service.speech.request import SpeechRequest
from service.voices.port import Engine, Utterance
from service.workers.floor import FLOOR
from service.workers.leaving import current_visit, working_for

LONGEST_PIECE = 1.0
"""Seconds of silence in one piece of a stream."""
LONGEST_UTTERANCE = 300.0
"""Seconds that one sentence may last: a voice process has it all in memory."""
STREAM_BYTES = 2 << 20
"""What a stream holds: two long sentences."""
_SHORT_STREAM = 1 << 19
"""What the stream of a short text holds."""


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A whole sound that was made for a caller."""

    speech: EncodedSpeech
    lease: Lease | None = None
    """What the caller holds until the answer was sent; None where the cache gave it."""

    def done(self) -> None:
        """The answer was sent, or will not be."""
        if self.lease is not None:
            self.lease.leave()


class Speaker:
    """The one place that makes sound of requests, with one engine; all threads share it."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        measures: metrics.Metrics,
        *,
        codecs: Codecs | None = None,
        ledger: Ledger | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.engine = engine
        self.ledger = ledger or Ledger(
            Budget(settings.admitted or MOST_ADMITTED, settings.answer_bytes or ANSWER_MEMORY)
        )
        self.cache = cache or Cache(settings.cache_bytes or 0)
        self.spoke = 0.0
        """When a voice spoke last, by `time.monotonic`."""
        self._codecs = codecs or own_codecs()
        self._settings = settings
        self._measures = measures
        self._flights: Flights[EncodedSpeech] = Flights()
        self._lock = threading.Lock()
        self._spoken_now = 0
        """Requests whose sentences are being spoken: they share the voices."""

    def cached(self, request: SpeechRequest) -> EncodedSpeech | None:
        """The whole sound of a request that was made before; None when the cache does not hold it."""
        result = self.cache.get(request.digest)
        if result is not None:
            self._measures.cached(hit=True)
        return result

    def speak(self, request: SpeechRequest) -> Spoken:
        """The whole sound of a request, from the cache where it was made before. Raises `ServiceError`."""
        found = self.cached(request)
        return Spoken(found) if found is not None else self.make(request)

    def make(self, request: SpeechRequest) -> Spoken:
        """The whole sound of a request that the cache does not hold. Raises `ServiceError`."""
        self._measures.cached(hit=False)
        plan = self.plan(request)
        self._check_time(plan, request)
        deadline = time.monotonic() + self._settings.deadline
        form = FORMATS[request.format]
        lease = self.ledger.enter(round(plan.seconds * form.bytes_per_second))
        try:
            speech = self._flights.once(
                request.digest,
                lambda: self._made(request, plan, lease, deadline),
                deadline,
                first=not lease.long,
            )
            lease.answered(speech.reply_length)
        except BaseException:
            lease.leave()
            raise
        return Spoken(speech, lease)

    def stream(self, request: SpeechRequest, rate: int = 0) -> Generator[bytes, None, None]:
        """The bytes of a request's sound sentence by sentence, each as soon as it is ready.

        With `rate`, at that many samples a second. The request is judged, admitted and its first
        sentence spoken before this returns, so a mistake can still be answered with its status. Whoever
        gets the iterator must exhaust or close it.
        """
        self._measures.cached(hit=False)
        plan = self.plan(request)
        self._check_time(plan, request)
        size = round(plan.seconds * 2 * FORMATS["wav"].bytes_per_second)
        lease = self.ledger.enter(STREAM_BYTES if size > STREAM_BYTES else min(size, _SHORT_STREAM))
        pieces = self._streamed(request, plan, lease, rate)
        if not lease.long:
            pieces = self._kept(pieces, _stream_key(request, rate))
        try:
            first = next(pieces)
        except StopIteration:
            lease.leave()
            raise _nothing(request) from None
        except BaseException:
            pieces.close()
            lease.leave()
            raise
        return _with_first(first, pieces)

    def cached_stream(self, request: SpeechRequest, rate: int = 0) -> EncodedSpeech | None:
        """A stream that was sent before, whole; None when the cache does not hold it."""
        found = self.cache.get(_stream_key(request, rate))
        if found is not None:
            self._measures.cached(hit=True)
        return found

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """What the request means, sentence by sentence. Raises `InvalidFieldError`."""
        return plan_speech(request, self.engine, self._settings)

    def _check_time(self, plan: SpeechPlan, request: SpeechRequest) -> None:
        """Refuse what no codec could make by the deadline."""
        form = FORMATS[request.format]
        if plan.seconds / form.speed > self._settings.deadline:
            raise BodyTooLargeError(
                f"about {plan.seconds:.0f} seconds of sound cannot be made into {request.format} in "
                f"{self._settings.deadline:g} seconds; send it in parts, or ask for another format",
                code="too_much_sound",
            )

    def _made(self, request: SpeechRequest, plan: SpeechPlan, lease: Lease, deadline: float) -> EncodedSpeech:
        """The whole sound, which another thread or process may just have made.

        Every step of it ends by the deadline, or when nobody waits for it any more.
        """
        with self.cache.making(request.digest, lease.size, deadline) as found:
            return found or self._made_anew(request, plan, lease, deadline)

    def _made_anew(
        self, request: SpeechRequest, plan: SpeechPlan, lease: Lease, deadline: float
    ) -> EncodedSpeech:
        form = FORMATS[request.format]
        sounds = self._sounds(plan, deadline, voices=self._settings.workers)
        made = self._encoded(request, sounds, deadline, lease) if form.coded else self._joined(sounds, lease)
        if not made.duration:
            raise _nothing(request)
        if request.format == "wav":
            header = wav_header(made.sample_rate, made.length)
            made = dataclasses.replace(made, pieces=(header, *made.pieces))
        self.cache.put(request.digest, made)
        return made

    def _encoded(
        self, request: SpeechRequest, sounds: Iterator[Audio], deadline: float, lease: Lease
    ) -> EncodedSpeech:
        """What a codec makes of the sounds, while they are spoken."""
        seconds = 0.0
        with self._codecs.encoder(request.format, deadline) as encoder:
            for sound in sounds:
                encoder.add_whole(sound)
                seconds += sound.duration
            data = encoder.end() if seconds else b""
            lease.grow(len(data))
        return EncodedSpeech((data,), encoder.rate or 1, seconds)

    def _joined(self, sounds: Iterator[Audio], lease: Lease) -> EncodedSpeech:
        """The samples one after the other; they are not copied together, which would take them twice."""
        pieces: list[bytes] = []
        size = rate = 0
        for sound in sounds:
            rate = rate or sound.sample_rate
            pieces.append(sound.pcm)
            size += len(sound.pcm)
            lease.grow(size)
        pieces = [b"".join(pieces)] if size <= _SHORT_STREAM else pieces
        return EncodedSpeech(tuple(pieces), rate or 1, size / BYTES_PER_SAMPLE / (rate or 1))

    def _streamed(
        self, request: SpeechRequest, plan: SpeechPlan, lease: Lease, rate: int
    ) -> Generator[bytes, None, None]:
        """The bytes of a stream that was admitted; its lease ends with it."""
        visit = current_visit()
        visit.first = not lease.long
        deadline = time.monotonic() + self._settings.deadline
        form = FORMATS[request.format]
        sounds = self._sounds(plan, deadline)
        try:
            if not form.coded and not rate:
                for index, sound in enumerate(sounds):
                    if index == 0 and request.format == "wav":
                        yield wav_header(sound.sample_rate, None)
                    yield sound.pcm
                return
            with self._codecs.encoder(request.format, deadline, rate=rate, whole=False) as encoder:
                for sound in sounds:
                    yield from filter(None, encoder.add(sound))
                yield encoder.end()
        finally:
            sounds.close()
            lease.leave()

    def _kept(self, pieces: Generator[bytes, None, None], key: str) -> Generator[bytes, None, None]:
        """The same stream; when it has come to its end, the cache has it."""
        kept: list[bytes] = []
        size = 0
        try:
            for piece in pieces:
                size += len(piece)
                if size <= _SHORT_STREAM:
                    kept.append(piece)
                yield piece
        finally:
            pieces.close()
        if size <= _SHORT_STREAM:
            self.cache.put(key, EncodedSpeech((b"".join(kept),), 0, 0.0))

    def _sounds(self, plan: SpeechPlan, deadline: float, voices: int = 1) -> Generator[Audio, None, None]:
        """The sounds of a plan, all at the rate of the first: its voices may come from models that differ.

        At most so many voices speak at the same time; a stream needs one alone, which is faster than its
        listener.
        """
        with self._lock:
            self._spoken_now += 1
        try:
            yield from self._sounds_in_turn(plan, deadline, voices)
        finally:
            with self._lock:
                self._spoken_now -= 1

    def _sounds_in_turn(self, plan: SpeechPlan, deadline: float, voices: int) -> Generator[Audio, None, None]:
        left = self._settings.max_audio - plan.opening
        opening, wanted = plan.opening, 0
        spoken = self._at_once(plan, deadline, voices) if voices > 1 and len(plan.steps) > 1 else None
        for utterance, pause in plan.steps:
            most = max(0.1, min(left, LONGEST_UTTERANCE))
            audio = next(spoken) if spoken is not None else self._one(utterance, deadline, most)
            if audio.duration > most:
                raise InvalidFieldError(
                    f"this would be more than {self._settings.max_audio:.0f} seconds of audio",
                    code="audio_too_long",
                    field="text",
                )
            left -= audio.duration + pause
            wanted = wanted or audio.sample_rate
            if audio.sample_rate != wanted:
                audio = self._resampled(audio, wanted, deadline)
            yield from _silences(opening, wanted)
            yield audio
            yield from _silences(pause, wanted)
            opening = 0.0

    def _one(self, utterance: Utterance, deadline: float, most: float) -> Audio:
        """One utterance, spoken."""
        current_visit().check()
        started = time.monotonic()
        with FLOOR.aside():
            audio = self.engine.synthesize(utterance, deadline, most)
        self.spoke = time.monotonic()
        self._measures.synthesised(utterance, audio, self.spoke - started)
        return audio

    def _at_once(self, plan: SpeechPlan, deadline: float, voices: int) -> Generator[Audio, None, None]:
        """The utterances of a plan in their order, spoken by several voices at the same time.

        Requests share the voices: each asks for its part of them anew after every sentence.
        """
        visit = current_visit()

        def speak(utterance: Utterance) -> Audio:
            with working_for(visit):
                return self._one(utterance, deadline, LONGEST_UTTERANCE)

        threads = concurrent.futures.ThreadPoolExecutor(min(voices, len(plan.steps)), "voices")
        rest = (utterance for utterance, _ in plan.steps)
        waiting: collections.deque[concurrent.futures.Future[Audio]] = collections.deque()
        try:
            while True:
                share = max(1, voices // self._spoken_now)
                more = itertools.islice(rest, max(0, share - len(waiting)))
                waiting.extend(threads.submit(speak, one) for one in more)
                if not waiting:
                    return
                with FLOOR.aside():
                    audio = waiting.popleft().result()
                yield audio
        finally:
            for one in waiting:
                one.cancel()
            threads.shutdown(wait=False)

    def _resampled(self, audio: Audio, rate: int, deadline: float) -> Audio:
        with self._codecs.encoder("pcm", deadline, rate=rate, whole=False) as encoder:
            return Audio(b"".join(encoder.add(audio)), rate)


def speech_facts(request: SpeechRequest, settings: Settings, engine: Engine) -> dict[str, Any]:
    """What the log tells of a request: numbers, known names, and its text if the settings say so."""
    voices = {voice.name for voice in engine.voices()}
    facts: dict[str, Any] = {
        "characters": len(request.said),
        "voice": request.voice if request.voice in voices else "unknown" if request.voice else None,
        "emotion": request.known_emotion,
        "format": request.format,
    }
    if settings.log_text:
        facts["text"] = request.said
    return facts


def _stream_key(request: SpeechRequest, rate: int) -> str:
    return f"{request.digest}-{rate}"


def _nothing(request: SpeechRequest) -> ServiceError:
    return InvalidFieldError(
        "nothing in it can be spoken by this voice", code="nothing_to_speak", field=request.said_field
    )


def _silences(seconds: float, rate: int) -> Iterator[Audio]:
    """So much silence, in pieces of which all but the last are one and the same."""
    whole, rest = divmod(round(seconds * rate), round(LONGEST_PIECE * rate))
    if whole:
        piece = silence(LONGEST_PIECE, rate)
        for _ in range(whole):
            yield piece
    if rest:
        yield Audio(bytes(BYTES_PER_SAMPLE * rest), rate)


def _with_first(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()
