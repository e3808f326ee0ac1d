"""Names that callers use for voices and emotions, found among those that an engine offers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.errors import InvalidFieldError
from service.voices.port import EMOTIONS, Voice

ALIASES = {
    "neutral": ("calm", "default", "normal", "中性", "平静"),
    "happy": ("happiness", "joy", "cheerful", "高兴", "开心"),
    "sad": ("sadness", "sorrow", "悲伤", "难过"),
    "angry": ("anger", "生气", "愤怒"),
    "fear": ("fearful", "afraid", "scared", "害怕", "恐惧"),
    "hate": ("disgust", "disgusted", "厌恶", "讨厌"),
    "surprise": ("surprised", "amazed", "惊讶", "惊喜"),
}
"""What else callers call the emotions."""
_SPELT = {alias: emotion for emotion, aliases in ALIASES.items() for alias in (emotion, *aliases)}


def voice_named(name: str, voices: Sequence[Voice]) -> Voice:
    """The voice of that name; the first where the name is empty. Raises `InvalidFieldError`."""
    if not name:
        return voices[0]
    for voice in voices:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in voices)
    raise InvalidFieldError(f"no such voice; there are {known}", code="unknown_voice", field="voice")


def emotion_named(name: str, voice: Voice | None) -> str:
    """The emotion of that name or alias, if `voice` can express it. Raises `InvalidFieldError`."""
    emotion = _SPELT.get(name.strip().lower())
    if emotion is None:
        raise InvalidFieldError(
            f"no such emotion; there are {', '.join(EMOTIONS)}", code="unknown_emotion", field="emotion"
        )
    if voice is not None and emotion not in voice.emotions:
        raise InvalidFieldError(
            f"the voice {voice.name} can only be {', '.join(voice.emotions)}",
            code="unsupported",
            field="emotion",
        )
    return emotion


def names_of_emotions() -> tuple[str, ...]:
    """Everything that an emotion may be called."""
    return tuple(_SPELT)


def emotion_meant(words: str) -> str:
    """The one emotion that free words speak of, as `in a cheerful tone`; empty for none and for several."""
    found = {_SPELT[word] for word in _WORDS_OF_EMOTIONS.findall(words[:LONGEST_WORDS].lower())}
    return found.pop() if len(found) == 1 else ""


def emotion_pattern() -> str:
    """The names of all emotions as a regular expression of JSON Schema: in any case, with blanks around."""
    names = "|".join("".join(_either_case(letter) for letter in name) for name in _SPELT)
    return rf"^\s*({names})\s*$"


def _either_case(letter: str) -> str:
    return f"[{letter.upper()}{letter}]" if letter.upper() != letter else letter


LONGEST_WORDS = 2000
"""Characters of free words that are looked at."""
_WORDS_OF_EMOTIONS = re.compile(
    "|".join(rf"\b{name}\b" if name.isascii() else name for name in sorted(_SPELT, key=len, reverse=True))
)
