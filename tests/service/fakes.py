"""Stand-ins that are passed in: an engine that hums instead of speaking, and ears that know keys alone."""

from __future__ import annotations

import pathlib
import threading
import time

import numpy as np

from service.audio.pcm import Audio, silence
from service.errors import DeadlineError, InvalidFieldError
from service.hearing.dtmf_worker import HIGH, KEYS, LOW, keys_in
from service.hearing.port import Heard, Segment, Wish, Word
from service.voices.port import EMOTIONS, Health, Utterance, Voice
from service.workers.crew import Crew

RATE = 16000


def hum(seconds: float, frequency: float = 220.0, rate: int = RATE) -> Audio:
    """A tone of amplitude 8000."""
    places = np.arange(round(seconds * rate)) / rate
    samples = 8000 * np.sin(2 * np.pi * frequency * places)
    return Audio(samples.astype("<i2").tobytes(), rate)


class FakeEngine:
    """Hums a tenth of a second for each character; can be told to fail, to be slow, or to wait."""

    def __init__(self) -> None:
        self.said: list[Utterance] = []
        self.error: Exception | None = None
        self.silent = False
        self.hold: threading.Event | None = None
        """When set, synthesis waits for it, up to its deadline."""
        self.loads = 0
        self.device, self.card = "", ""

    def load(self) -> None:
        self.loads += 1

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return []

    def health(self) -> Health:
        return Health(ready=True, detail="fake 1", workers=1, device=self.device, card=self.card)

    def voices(self) -> tuple[Voice, ...]:
        return (
            Voice("first", "cmn-CN", "the default"),
            Voice("flat", "cmn-CN", "knows no emotion", emotions=("neutral",), can_pitch=False),
            Voice("english", "en-US", "another language"),
        )

    def emotions(self) -> tuple[str, ...]:
        return EMOTIONS

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        self.said.append(utterance)
        if self.error is not None:
            raise self.error
        if self.hold is not None and not self.hold.wait(max(0.0, deadline - time.monotonic())):
            raise DeadlineError("the speech was not ready in time")
        length = 0.1 * len(utterance.text)
        sound = silence(length, RATE) if self.silent else hum(length)
        if sound.duration > max_seconds:
            raise InvalidFieldError("too long", code="audio_too_long", field="text")
        return sound

    def close(self) -> None:
        pass


def keys(text: str, rate: int = RATE, seconds: float = 0.1) -> Audio:
    """The sound of a telephone's keys, with as long a pause after each; a blank is a pause of its own."""
    parts: list[np.ndarray] = []
    for key in text:
        places = np.arange(round(seconds * rate)) / rate
        if key == " ":
            parts.append(np.zeros(len(places)))
            continue
        row, column = divmod(KEYS.index(key), 4)
        tones = np.sin(2 * np.pi * LOW[row] * places) + np.sin(2 * np.pi * HIGH[column] * places)
        parts += [6000 * tones, np.zeros(len(places))]
    return Audio(np.concatenate(parts).astype("<i2").tobytes(), rate)


class FakeEars:
    """Hears a telephone's keys in the test's own process; can be told to fail or to wait."""

    def __init__(self) -> None:
        self.heard: list[tuple[Audio, Wish]] = []
        self.error: Exception | None = None
        self.hold: threading.Event | None = None

    def load(self) -> None:
        pass

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return []

    def health(self) -> Health:
        return Health(ready=True, detail="fake ears", workers=1)

    def hear(self, sound: Audio, wish: Wish, deadline: float) -> Heard:
        self.heard.append((sound, wish))
        if self.error is not None:
            raise self.error
        if self.hold is not None and not self.hold.wait(max(0.0, deadline - time.monotonic())):
            raise DeadlineError("it was not ready in time")
        words = tuple(Word(f" {key}", start, end) for key, start, end in keys_in(sound))
        if not words:
            return Heard(language=wish.language)
        text = " " + "".join(word.text.strip() for word in words)
        segment = Segment(text, words[0].start, words[-1].end, words if wish.words else (), (1, 2))
        return Heard((segment,), wish.language or "en")

    def close(self) -> None:
        pass
