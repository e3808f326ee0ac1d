"""The script: what is to be heard, as stretches of text in one manner each, and pauses."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING


@dataclasses.dataclass(frozen=True)
class Manner:
    """How a stretch of text is to sound; the meanings of the numbers are those of `Utterance`."""

    voice: str
    emotion: str = "neutral"
    intensity: float = 1.0
    speed: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0


@dataclasses.dataclass(frozen=True)
class Reading:
    """A word whose pronunciation is given. In a text, the character `reading_mark(index)` stands for it."""

    text: str
    pinyin: str
    """Syllables with tone digits, such as `hang2`, separated by spaces."""


@dataclasses.dataclass(frozen=True)
class Stretch:
    """A piece of text that is spoken in one manner."""

    text: str
    manner: Manner


@dataclasses.dataclass(frozen=True)
class Pause:
    """A silence between two stretches."""

    seconds: float


if TYPE_CHECKING:
    ScriptPart = Stretch | Pause


@dataclasses.dataclass(frozen=True)
class Script:
    """All that one request makes heard: stretches and pauses in their order."""

    parts: tuple[ScriptPart, ...]
    readings: tuple[Reading, ...] = ()

    @property
    def characters(self) -> int:
        """Characters of text in it."""
        return sum(len(part.text) for part in self.parts if isinstance(part, Stretch))


FIRST_MARK = 0xE000
"""Marks are characters of Unicode's private use area, which `clean` removes from what callers send."""
MOST_READINGS = 0xF8FF - FIRST_MARK + 1


def reading_mark(index: int) -> str:
    """The character that stands for the reading of that index."""
    return chr(FIRST_MARK + index)


def is_reading_mark(character: str) -> bool:
    """Whether a character stands for a reading."""
    return 0 <= ord(character) - FIRST_MARK < MOST_READINGS


def cut_at_readings(text: str, readings: Sequence[Reading]) -> list[tuple[str, str]]:
    """The text cut at its readings: `("text", words)` and `("pinyin", syllables)` in turn."""
    found = []
    for kept, marked in re.findall("([^\ue000-\uf8ff]*)([\ue000-\uf8ff]?)", text):
        if kept:
            found.append(("text", kept))
        if marked:
            found.append(("pinyin", readings[ord(marked) - FIRST_MARK].pinyin))
    return found
