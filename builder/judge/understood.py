"""How much of what was said was heard: the character error rate, of texts without what nobody can hear."""

from __future__ import annotations

import unicodedata

_FIGURES = str.maketrans("0123456789", "零一二三四五六七八九")
_SAME_SOUND = str.maketrans({"她": "他", "它": "他", "的": "地", "得": "地", "〇": "零"})
"""Characters of Chinese that are spoken alike wherever they stand, so that no ear tells them apart."""


def error_rate(said: str, heard: str) -> float:
    """Characters to insert, delete and change, per character that was said; at most 1.

    Case, width, punctuation, blanks and marks are not compared, and figures are as their Chinese characters
    where Chinese was said.
    """
    wanted = _heard_alike(said)
    found = _heard_alike(heard)
    if any("\u4e00" <= character <= "\u9fff" for character in wanted):
        wanted, found = (one.translate(_FIGURES).translate(_SAME_SOUND) for one in (wanted, found))
    return min(1.0, _distance(wanted, found) / max(1, len(wanted)))


def _heard_alike(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in plain if unicodedata.category(character)[0] in "LN")


def _distance(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for number, character in enumerate(one, 1):
        before, row[0] = row[0], number
        for place, opposite in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (character != opposite)),
            )
    return row[-1]
