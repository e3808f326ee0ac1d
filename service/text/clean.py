"""Clean text: composed Unicode without the characters that nobody can speak."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from service.text.script import is_reading_mark

# Control characters but tab and line ends, format characters such as direction marks and zero-width
# spaces, private use, and what Unicode has not assigned a meaning to.
_UNSPEAKABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\uffff"
    "\ue000-\uf8ff\U000e0000-\U0010ffff]+"
)
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(
    "[\\x00-\\u02ff\u2000-\u20cf\u2100-\u2fff\u3000-\u3029\u3030-\u3098\u309b-\ua66e\uac00-\ud7ff\uff00-\uffef]*"
)
"""Letters and signs that are no combining marks, in the scripts that most texts consist of."""
MOST_MARKS = 30
"""Combining marks on a letter, as UAX #15 bounds them: to bring more into order takes quadratic time."""
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def clean_text(text: str) -> str:
    """The text in NFC, its unspeakable characters and runs of blanks made single blanks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not _PLAIN.fullmatch(text):
        text = "".join(_few_marks(text))
    text = unicodedata.normalize("NFC", text)
    text = _UNSPEAKABLE.sub(" ", text)
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def has_surrogates(text: str) -> bool:
    """Whether it holds halves of surrogate pairs, which are no characters."""
    return _HALF.search(text) is not None


def speakable(text: str) -> bool:
    """Whether anything in it can be heard: a letter, a digit, or a reading's mark."""
    return any(character.isalnum() or is_reading_mark(character) for character in text)


def _few_marks(text: str) -> Iterator[str]:
    """The characters of a text, but of the combining marks on a letter only so many."""
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MOST_MARKS:
            yield character
