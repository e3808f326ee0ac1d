"""Clean text: composed Unicode without the characters that nobody can speak."""

from __future__ import annotations

import re
import unicodedata

from service.text.script import is_reading_mark

# Control characters but tab and line ends, format characters such as direction marks and zero-width
# spaces, private use, and what Unicode has not assigned a meaning to.
_UNSPEAKABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\uffff"
    "\ue000-\uf8ff\U000e0000-\U0010ffff]+"
)
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def clean_text(text: str) -> str:
    """The text in NFC, its unspeakable characters and runs of blanks made single blanks."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _UNSPEAKABLE.sub(" ", text)
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def has_surrogates(text: str) -> bool:
    """Whether it holds halves of surrogate pairs, which are no characters."""
    return any("\ud800" <= character <= "\udfff" for character in text)


def speakable(text: str) -> bool:
    """Whether anything in it can be heard: a letter, a digit, or a reading's mark."""
    return any(character.isalnum() or is_reading_mark(character) for character in text)
