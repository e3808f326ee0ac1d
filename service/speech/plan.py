"""The plan of a request: its utterances and silences, and how much sound they are expected to be."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from service.errors import InvalidFieldError
from service.settings.environment import Settings
from service.speech.request import SpeechRequest
from service.text import ssml
from service.text.clean import clean_text
from service.text.normalise import normalise_text, say_as
from service.text.script import Manner, Pause, Script, Stretch
from service.text.sentences import split_sentences
from service.voices.names import emotion_named, voice_named
from service.voices.port import Engine, Utterance, Voice

SYLLABLE_SECONDS = 0.3
"""What a character that is a syllable takes at normal speed: measured are 0.24 to 0.29."""
LETTER_SECONDS = 0.1
"""What any other character takes: measured are 0.06 to 0.09."""
_SYLLABLES = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")


@dataclasses.dataclass(frozen=True)
class SpeechPlan:
    """The utterances that a request asks for, and the silences around them."""

    steps: tuple[tuple[Utterance, float], ...]
    """Utterances, each with the seconds of silence that follow it."""
    opening: float = 0.0
    """Seconds of silence before the first."""

    @property
    def silence(self) -> float:
        """Seconds of silence in it."""
        return self.opening + sum(pause for _, pause in self.steps)

    @property
    def seconds(self) -> float:
        """Seconds of sound that are expected of it."""
        return self.silence + sum(_expected(utterance) for utterance, _ in self.steps)


def plan_speech(request: SpeechRequest, engine: Engine, settings: Settings) -> SpeechPlan:
    """What the request means, sentence by sentence. Raises `InvalidFieldError`."""
    return _Planning(request, engine, settings).plan()


class _Planning:
    """The making of one plan."""

    def __init__(self, request: SpeechRequest, engine: Engine, settings: Settings) -> None:
        self._request = request
        self._voices = engine.voices()
        self._settings = settings

    def plan(self) -> SpeechPlan:
        script = self._script()
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
                "nothing in it can be spoken", code="nothing_to_speak", field=self._request.said_field
            )
        found = SpeechPlan(tuple(steps), opening)
        self._check_length(found)
        return found

    def _script(self) -> Script:
        request = self._request
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
        return voice_named(name or self._settings.voice, self._voices)

    def _known(self, kind: str, name: str) -> str:
        """A voice's or an emotion's name as the engine spells it; for SSML."""
        if kind == "voice":
            return self._voice(name).name
        return emotion_named(name, None)

    def _check_length(self, plan: SpeechPlan) -> None:
        characters = sum(len(utterance.text) for utterance, _ in plan.steps)
        field = self._request.said_field
        if characters > 3 * self._settings.max_text:
            raise InvalidFieldError(
                "too long when its numbers are read out", code="text_too_long", field=field
            )
        if plan.silence > self._settings.max_audio:
            raise InvalidFieldError("too much silence", code="audio_too_long", field=field)


def _expected(utterance: Utterance) -> float:
    syllables = len(_SYLLABLES.findall(utterance.text))
    letters = len(utterance.text) - syllables
    return (SYLLABLE_SECONDS * syllables + LETTER_SECONDS * letters) / utterance.speed
