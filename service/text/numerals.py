"""Numbers in Chinese words."""

from __future__ import annotations

import re

DIGITS = "零一二三四五六七八九"
_SMALL = ("", "十", "百", "千")
_LARGE = ((10**8, "亿"), (10**4, "万"))
MOST_DIGITS = 16
"""Whole numbers with more digits are read digit by digit."""


def say_digits(text: str, *, one: str = "一") -> str:
    """Each digit by itself; `one` is 幺 in telephone numbers. What is no digit stays."""
    return "".join(one if c == "1" else DIGITS[int(c)] if c in "0123456789" else c for c in text)


def say_cardinal(text: str) -> str:
    """A number such as `-1234.50` in words: 负一千二百三十四点五零.

    Leading zeros (`007`) and more than sixteen digits mean a code, which is read digit by digit.
    """
    if text[:1] in "-−":
        return "负" + say_cardinal(text[1:])
    whole, _, fraction = text.partition(".")
    whole = whole.replace(",", "")
    if len(whole) > MOST_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        said = say_digits(whole)
    else:
        said = _whole(int(whole or "0"))
    return said + ("点" + say_digits(fraction) if fraction else "")


def say_number(text: str) -> str:
    """As `say_cardinal`, with 两 for a two that counts thousands and more, as people say it."""
    return re.sub("(?<![十零点])二(?=[千万亿])", "两", say_cardinal(text))


def _whole(number: int) -> str:
    said = _counted(number)
    return said[1:] if said.startswith("一十") else said or DIGITS[0]


def _counted(number: int) -> str:
    """Words of a number, 一十 in full, nothing for zero: a large unit counts what stands before it."""
    for size, unit in _LARGE:
        if number >= size:
            before, rest = divmod(number, size)
            gap = DIGITS[0] if 0 < rest < size // 10 else ""
            return _counted(before) + unit + gap + _counted(rest)
    return _section(number)


def _section(number: int) -> str:
    """A number below ten thousand."""
    said, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            gap = bool(said)
            continue
        if gap:
            said += DIGITS[0]
        said += DIGITS[digit] + _SMALL[place]
        gap = False
    return said
