"""The way from a request to its sound: script, sentences, voice, format; with a gate and a cache."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator
from typing import Any

from service.admission.cache import Cache, EncodedSpeech
from service.admission.floor import FLOOR
from service.admission.gate import Gate
from service.audio.formats import encode_audio, fit_to_format
from service.audio.pcm import Audio, join_audio, resample, silence
from service.errors import InvalidFieldError
from service.settings.environment import Settings
from service.settings.sizing import MOST_ADMITTED
from service.speech import metrics
from service.speech.request import SpeechRequest
from service.text import ssml
from service.text.clean import clean_text
from service.text.normalise import normalise_text, say_as
from service.text.script import Manner, Pause, Script, Stretch
from service.text.sentences import split_sentences
from service.voices.names import emotion_named, voice_named
from service.voices.port import Engine, Utterance, Voice


@dataclasses.dataclass(frozen=True)
class SpeechPlan:
    """The utterances that a request asks for, and the silences around them."""

    steps: tuple[tuple[Utterance, float], ...]
    """Utterances, each with the seconds of silence that follow it."""
    opening: float = 0.0
    """Seconds of silence before the first."""


class Speaker:
    """The one place that makes sound of requests, with one engine; all threads share it."""

    def __init__(self, engine: Engine, settings: Settings, measures: metrics.Metrics) -> None:
        self.engine = engine
        self.gate = Gate(settings.admitted or MOST_ADMITTED)
        self.cache = Cache(settings.cache_bytes or 0)
        self._settings = settings
        self._measures = measures

    def cached(self, request: SpeechRequest) -> EncodedSpeech | None:
        """The whole sound of a request that was made before; None when the cache does not hold it."""
        result = self.cache.get(request.digest)
        if result is not None:
            self._measures.cached(hit=True)
        return result

    def speak(self, request: SpeechRequest) -> EncodedSpeech:
        """The whole sound of a request, from the cache where it was made before. Raises `ServiceError`."""
        return self.cached(request) or self.make(request)

    def make(self, request: SpeechRequest) -> EncodedSpeech:
        """The whole sound of a request that the cache does not hold. Raises `ServiceError`."""
        self._measures.cached(hit=False)
        plan = self.plan(request)
        with self.gate.admitted():
            audio = join_audio(_same_rate(self._sounds(plan)))
        if not audio.pcm:
            raise InvalidFieldError(
                "nothing in it can be spoken by this voice", code="nothing_to_speak", field=request.said_field
            )
        audio = fit_to_format(audio, request.format)
        with FLOOR.aside():  # most codecs compute outside the interpreter, some for seconds
            data = encode_audio(audio, request.format)
        result = EncodedSpeech(data, audio.sample_rate, audio.duration)
        self.cache.put(request.digest, result)
        return result

    def stream(self, request: SpeechRequest) -> Generator[Audio, None, None]:
        """The sound of a request sentence by sentence, each as soon as it is ready.

        The request is judged, admitted and its first sentence spoken before this returns, so a mistake
        can still be answered with its status. Whoever gets the iterator must exhaust or close it.
        """
        plan = self.plan(request)
        self.gate.enter()
        sounds = self._admitted(plan)
        try:
            first = next(sounds)
        except BaseException:
            sounds.close()
            raise
        return _with_first(first, sounds)

    def plan(self, request: SpeechRequest) -> SpeechPlan:
        """What the request means, sentence by sentence. Raises `InvalidFieldError`."""
        script = self._script(request)
        steps: list[tuple[Utterance, float]] = []
        opening = 0.0
        for part in script.parts:
            if isinstance(part, Pause):
                if steps:
                    steps[-1] = (steps[-1][0], steps[-1][1] + part.seconds)
                else:
                    opening += part.seconds
            else:
                steps.extend(self._utterances(part, script))
        if not steps:
            raise InvalidFieldError(
                "nothing in it can be spoken", code="nothing_to_speak", field=request.said_field
            )
        self._check_length(steps, opening, request)
        return SpeechPlan(tuple(steps), opening)

    def _script(self, request: SpeechRequest) -> Script:
        voice = self._voice(request.voice)
        emotion = emotion_named(request.emotion, voice)
        manner = Manner(voice.name, emotion, request.intensity, request.speed, request.pitch)
        if not request.ssml:
            return Script((Stretch(clean_text(request.text), manner),))
        return ssml.parse_ssml(request.ssml, manner, say_as, self._known)

    def _utterances(self, stretch: Stretch, script: Script) -> Iterator[tuple[Utterance, float]]:
        manner = stretch.manner
        voice = self._voice(manner.voice)
        emotion_named(manner.emotion, voice)  # a voice chosen later may not know it
        text = normalise_text(stretch.text) if voice.language.startswith(("cmn", "yue")) else stretch.text
        for sentence, pause in split_sentences(text):
            yield (
                Utterance(text=sentence, readings=script.readings, **dataclasses.asdict(manner)),
                pause,
            )

    def _voice(self, name: str) -> Voice:
        return voice_named(name or self._settings.voice, self.engine.voices())

    def _known(self, kind: str, name: str) -> str:
        """A voice's or an emotion's name as the engine spells it; for SSML."""
        if kind == "voice":
            return self._voice(name).name
        return emotion_named(name, None)

    def _check_length(
        self, steps: list[tuple[Utterance, float]], opening: float, request: SpeechRequest
    ) -> None:
        characters = sum(len(utterance.text) for utterance, _ in steps)
        if characters > 3 * self._settings.max_text:
            raise InvalidFieldError(
                "too long when its numbers are read out", code="text_too_long", field=request.said_field
            )
        if opening + sum(pause for _, pause in steps) > self._settings.max_audio:
            raise InvalidFieldError("too much silence", code="audio_too_long", field=request.said_field)

    def _admitted(self, plan: SpeechPlan) -> Generator[Audio, None, None]:
        """The sounds of a plan that has entered the gate; leaves it at the end."""
        try:
            yield from self._sounds(plan)
        finally:
            self.gate.leave()

    def _sounds(self, plan: SpeechPlan) -> Iterator[Audio]:
        deadline = time.monotonic() + self._settings.deadline
        left = self._settings.max_audio - plan.opening
        opening = plan.opening
        for utterance, pause in plan.steps:
            started = time.monotonic()
            with FLOOR.aside():
                audio = self.engine.synthesize(utterance, deadline, max(0.1, left))
            self._measures.synthesised(utterance, audio, time.monotonic() - started)
            left -= audio.duration + pause
            rate = audio.sample_rate
            yield join_audio([silence(opening, rate), audio, silence(pause, rate)])
            opening = 0.0


def speech_facts(request: SpeechRequest, settings: Settings) -> dict[str, Any]:
    """What the log tells of a request: never its text, unless the settings ask for it."""
    facts: dict[str, Any] = {
        "characters": len(request.said),
        "voice": request.voice or None,
        "emotion": request.emotion,
        "format": request.format,
    }
    if settings.log_text:
        facts["text"] = request.said
    return facts


def _with_first(first: Audio, rest: Generator[Audio, None, None]) -> Generator[Audio, None, None]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()


def _same_rate(sounds: Iterator[Audio]) -> Iterator[Audio]:
    """All sounds at the rate of the first: voices of one request may come from models that differ."""
    rate = 0
    for sound in sounds:
        rate = rate or sound.sample_rate
        yield resample(sound, rate)
