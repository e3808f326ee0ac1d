"""The embedded engine: espeak-ng 1.52 from the package espeakng-loader, in processes of its own."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import re

from service.audio.pcm import Audio
from service.errors import InvalidFieldError, UnavailableError
from service.settings.environment import Settings
from service.text.script import FIRST_MARK
from service.voices.device import PROCESSOR
from service.voices.port import EMOTIONS, Health, Utterance, Voice
from service.workers.crew import Crew, Program
from service.workers.pool import Pool

NORMAL_RATE = 175
"""espeak's own words a minute."""
WORDS_A_MINUTE = (80, 450)
"""The words a minute that espeak takes; what lies outside becomes the nearer end."""


@dataclasses.dataclass(frozen=True)
class EmotionShape:
    """The sound of one emotion at intensity 1, relative to neutral speech."""

    speed: float
    pitch: float
    volume: float
    range: int
    """How far the voice moves around its pitch: espeak's 0 to 100, neutral 50."""


# Slow and low for sadness, fast and wide for anger and so on, as surveys of emotional speech describe it
# (Murray and Arnott 1993, table 1), then set so that no two sound alike by F0, duration and energy.
EMOTION_SHAPES = {
    "neutral": EmotionShape(1.00, 1.00, 1.00, 50),
    "happy": EmotionShape(1.12, 1.20, 1.15, 80),
    "sad": EmotionShape(0.80, 0.86, 0.75, 20),
    "angry": EmotionShape(1.22, 1.06, 1.60, 90),
    "fear": EmotionShape(1.10, 1.38, 0.65, 30),
    "hate": EmotionShape(0.86, 0.78, 1.15, 60),
    "surprise": EmotionShape(0.95, 1.36, 1.35, 100),
}

VOICES = (
    Voice("mandarin", "cmn-CN", "普通话 Mandarin"),
    Voice("mandarin-female", "cmn-CN", "普通话女声 Mandarin, female"),
    Voice("mandarin-deep", "cmn-CN", "普通话低沉男声 Mandarin, deep male"),
    Voice("cantonese", "yue-HK", "粤语 Cantonese"),
    Voice("english", "en-US", "美式英语 English (United States)"),
)
"""The voices; each has a file of its name in `espeak_voices`."""


class Espeak:
    """The embedded voice engine; several of its workers speak at the same time, one utterance each."""

    def __init__(self, *, workers: int, queue_wait: float, start_wait: float = 30.0) -> None:
        program = Program("service.voices.espeak_worker", start_wait=start_wait)
        self._pool = Pool(program, workers, queue_wait=queue_wait)

    @classmethod
    def from_settings(cls, settings: Settings) -> Espeak:
        """The engine as the settings ask for it; they must be sized."""
        return cls(workers=settings.workers, queue_wait=settings.queue_wait, start_wait=settings.start_wait)

    def load(self) -> None:
        self._pool.start()

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        return [self._pool.crew(folder)]

    def health(self) -> Health:
        board = self._pool.board()
        version = board.greeting.get("version", "")
        return Health(
            ready=bool(version),
            detail=f"espeak-ng {version}" if version else "starting",
            workers=len(board.pids),
            restarts=board.restarts,
            device=PROCESSOR,
        )

    def voices(self) -> tuple[Voice, ...]:
        return VOICES

    def emotions(self) -> tuple[str, ...]:
        return EMOTIONS

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        if utterance.readings and not utterance.voice.startswith("mandarin"):
            raise InvalidFieldError(
                f"the voice {utterance.voice} has no pinyin", code="unsupported", field="ssml"
            )
        job = {
            **espeak_parameters(utterance),
            "pieces": cut_at_readings(utterance),
            "max_seconds": max_seconds,
        }
        head, pcm = self._pool.ask(job, deadline)
        if head.get("problem") == "audio_too_long":
            raise InvalidFieldError(
                f"this would be more than {max_seconds:.0f} seconds of audio",
                code="audio_too_long",
                field="text",
            )
        if "problem" in head:
            raise UnavailableError("the voice could not speak this", code="voice_failed", retry_after=1)
        return Audio(pcm, head["sample_rate"])

    def close(self) -> None:
        self._pool.stop()


def espeak_parameters(utterance: Utterance) -> dict[str, object]:
    """espeak's voice, rate, pitch, range and volume for an utterance.

    The emotion's distance from neutral grows with the intensity. Pitch 0 to 100 is exponential in
    espeak: 50 steps are an octave.
    """
    shape = EMOTION_SHAPES[utterance.emotion]
    how = utterance.intensity
    speed = utterance.speed * shape.speed**how
    pitch = utterance.pitch * shape.pitch**how
    volume = utterance.volume * shape.volume**how
    return {
        "voice": utterance.voice,
        "rate": _within(NORMAL_RATE * speed, *WORDS_A_MINUTE),
        "pitch": _within(50 + 50 * math.log2(pitch), 0, 100),
        "range": _within(50 + (shape.range - 50) * how, 0, 100),
        "volume": _within(100 * volume, 0, 200),
    }


def cut_at_readings(utterance: Utterance) -> list[tuple[str, str]]:
    """The text cut at its readings: `("text", words)` and `("pinyin", syllables)` in turn."""
    found = []
    for kept, marked in re.findall("([^\ue000-\uf8ff]*)([\ue000-\uf8ff]?)", utterance.text):
        if kept:
            found.append(("text", kept))
        if marked:
            found.append(("pinyin", utterance.readings[ord(marked) - FIRST_MARK].pinyin))
    return found


def _within(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))
