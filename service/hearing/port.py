"""The port to an engine that listens: its few members, and the values that pass through it."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Protocol

from service.audio.pcm import Audio
from service.voices.port import Health
from service.workers.crew import Crew


@dataclasses.dataclass(frozen=True)
class Wish:
    """How somebody wants a sound to be heard."""

    language: str = ""
    """The language spoken, as ISO 639-1; empty where the engine is to find out."""
    prompt: str = ""
    """Words that came before, or that are spelt as they should be."""
    temperature: float = 0.0
    """How much is left to chance, 0 to 1."""
    translate: bool = False
    """Whether English is wanted, whatever is spoken."""
    words: bool = False
    """Whether the time of each word is wanted."""
    soon: bool = False
    """Whether somebody waits for it in a conversation: what takes longer than it helps is left out."""


@dataclasses.dataclass(frozen=True)
class Word:
    """One word that was heard."""

    text: str
    start: float
    """Seconds from the beginning."""
    end: float


@dataclasses.dataclass(frozen=True)
class Segment:
    """A stretch of speech that was heard, about a sentence."""

    text: str
    start: float
    """Seconds from the beginning."""
    end: float
    words: tuple[Word, ...] = ()
    tokens: tuple[int, ...] = ()
    """What the model wrote, in its own numbers."""
    temperature: float = 0.0
    logprob: float = 0.0
    """How sure the model was: the mean logarithm of what it thought its tokens' probabilities to be."""
    compression: float = 1.0
    """How often it repeats itself, as the ratio by which zlib shortens the text."""
    no_speech: float = 0.0
    """How probable the model thought it that nobody spoke."""

    def later(self, seconds: float) -> Segment:
        """The same, so many seconds later."""
        words = tuple(Word(word.text, word.start + seconds, word.end + seconds) for word in self.words)
        return dataclasses.replace(self, start=self.start + seconds, end=self.end + seconds, words=words)


@dataclasses.dataclass(frozen=True)
class Heard:
    """What was heard in a piece of sound."""

    segments: tuple[Segment, ...] = ()
    language: str = ""
    """As ISO 639-1; empty where there is none to tell."""

    @classmethod
    def from_message(cls, told: dict[str, Any]) -> Heard:
        """What a worker process told in a message, which is made by `as_message`."""
        segments = []
        for one in told["segments"]:
            words = tuple(Word(*word) for word in one["words"])
            segments.append(Segment(**{**one, "words": words, "tokens": tuple(one["tokens"])}))
        return cls(tuple(segments), told["language"])

    def as_message(self) -> dict[str, Any]:
        """The same as a worker process tells it."""
        segments = [
            {**vars(one), "words": [(word.text, word.start, word.end) for word in one.words]}
            for one in self.segments
        ]
        return {"segments": segments, "language": self.language}


class Ears(Protocol):
    """An engine that listens: what turns sound into words."""

    def load(self) -> None:
        """Begin whatever takes time; returns at once, may be called again."""

    def crews(self, folder: pathlib.Path) -> list[Crew]:
        """What has to be kept alive for it, where another process does so; their queues lie in the folder."""

    def health(self) -> Health:
        """Its state, without making it work."""

    def hear(self, sound: Audio, wish: Wish, deadline: float) -> Heard:
        """What is said in a sound of at most half a minute; done by `deadline` (`time.monotonic` seconds).

        Raises `ServiceError`: `InvalidFieldError` for a wish that it cannot fulfil, `UnavailableError`,
        `DeadlineError`.
        """

    def close(self) -> None:
        """Stop its processes; the next call starts them again."""
