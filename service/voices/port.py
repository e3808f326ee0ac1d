"""The port to a voice engine: its few members, and the values that pass through it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Protocol

from service.audio.pcm import Audio
from service.text.script import Reading
from service.workers.crew import Crew

EMOTIONS = ("neutral", "happy", "sad", "angry", "fear", "hate", "surprise")
"""The emotions of the ModelScope `_emo_` models, in their spelling; every engine uses these words."""


@dataclasses.dataclass(frozen=True)
class Utterance:
    """One stretch of speakable text with everything that shapes its sound."""

    text: str
    """Plain text; never markup."""
    voice: str
    """A name that the engine listed."""
    emotion: str = "neutral"
    intensity: float = 1.0
    """How strong the emotion is: 0 none, 1 plain, 2 strongest."""
    speed: float = 1.0
    """Relative to the voice's own: 2 is twice as fast."""
    pitch: float = 1.0
    """Relative to the voice's own: 2 is an octave up."""
    volume: float = 1.0
    """Relative to the voice's own amplitude."""
    readings: tuple[Reading, ...] = ()
    """Words whose pronunciation is given; in the text, the character `reading_mark(i)` stands for each."""


@dataclasses.dataclass(frozen=True)
class Voice:
    """One voice that an engine offers."""

    name: str
    language: str
    """BCP 47, such as `cmn-CN`."""
    description: str
    emotions: tuple[str, ...] = EMOTIONS
    """What it can express, `neutral` first."""
    can_pitch: bool = True
    """Whether its pitch can be moved."""


@dataclasses.dataclass(frozen=True)
class Health:
    """Whether an engine can speak."""

    ready: bool
    detail: str = ""
    """For the operator: a version, or what is missing."""
    workers: int = 0
    """Processes alive."""
    restarts: int = 0
    """Processes started again after one died."""
    device: str = ""
    """Where it computes, as torch has it: `cpu` or `cuda:0`; empty as long as nobody knows."""
    card: str = ""
    """What the driver calls the card; empty for a processor."""


class Engine(Protocol):
    """The voice engine: what turns utterances into sound."""

    def load(self) -> None:
        """Begin whatever takes time; returns at once, may be called again."""

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        """What has to be kept alive for it, where another process does so; their queues lie in the folder."""

    def health(self) -> Health:
        """Its state, without making it work."""

    def voices(self) -> tuple[Voice, ...]:
        """The voices it offers, the default one first."""

    def emotions(self) -> tuple[str, ...]:
        """Every emotion that one of its voices can express."""

    def synthesize(self, utterance: Utterance, deadline: float, max_seconds: float) -> Audio:
        """Speak; done by `deadline` (`time.monotonic` seconds) and no longer than `max_seconds` of sound.

        Raises `ServiceError`: `InvalidFieldError` for what the voice cannot do, `UnavailableError`,
        `DeadlineError`.
        """

    def close(self) -> None:
        """Stop its processes; the next call starts them again."""
