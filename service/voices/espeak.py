"""The embedded engine: espeak-ng 1.52 from the package espeakng-loader, in processes of its own."""

from __future__ import annotations

import math

from service.audio.pcm import Audio
from service.errors import InvalidFieldError
from service.settings.environment import Settings
from service.text.script import cut_at_readings
from service.voices.crewed import CrewedVoice
from service.voices.device import PROCESSOR
from service.voices.emotion import Delivery
from service.voices.espeak_library import WORDS_A_MINUTE
from service.voices.port import EMOTIONS, Health, Utterance, Voice
from service.workers.crew import Program
from service.workers.pool import Pool

NORMAL_RATE = 175
"""espeak's own words a minute."""

VOICES = (
    Voice("mandarin", "cmn-CN", "普通话 Mandarin"),
    Voice("mandarin-female", "cmn-CN", "普通话女声 Mandarin, female"),
    Voice("mandarin-deep", "cmn-CN", "普通话低沉男声 Mandarin, deep male"),
    Voice("cantonese", "yue-HK", "粤语 Cantonese"),
    Voice("english", "en-US", "美式英语 English (United States)"),
)
"""The voices; each has a file of its name in `espeak_voices`."""


class Espeak(CrewedVoice):
    """The embedded voice engine; several of its workers speak at the same time, one utterance each."""

    def __init__(self, *, workers: int, queue_wait: float, start_wait: float = 30.0) -> None:
        program = Program("service.voices.espeak_worker", start_wait=start_wait)
        super().__init__(Pool(program, workers, queue_wait=queue_wait))

    @classmethod
    def from_settings(cls, settings: Settings) -> Espeak:
        """The engine as the settings ask for it; they must be sized."""
        return cls(workers=settings.workers, queue_wait=settings.queue_wait, start_wait=settings.start_wait)

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
        pieces = cut_at_readings(utterance.text, utterance.readings)
        return self._spoken({**espeak_parameters(utterance), "pieces": pieces}, deadline, max_seconds)


def espeak_parameters(utterance: Utterance) -> dict[str, object]:
    """espeak's voice, rate, pitch, range and volume for an utterance.

    Pitch 0 to 100 is exponential in espeak: 50 steps are an octave.
    """
    delivery = Delivery.of(utterance)
    return {
        "voice": utterance.voice,
        "rate": _within(NORMAL_RATE * delivery.speed, *WORDS_A_MINUTE),
        "pitch": _within(50 + 50 * math.log2(delivery.pitch), 0, 100),
        "range": _within(delivery.range, 0, 100),
        "volume": _within(100 * delivery.volume, 0, 200),
    }


def _within(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))
