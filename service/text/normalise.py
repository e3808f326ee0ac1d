"""The Chinese normaliser: figures, dates, money, units and symbols into words, as a speaker would read them.

An ordered list of rules, each a pattern and a function; the words they need lie in `words.json`.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Callable

from service.text.numerals import cardinal, digits

_WORDS = json.loads((pathlib.Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
UNITS: dict[str, str] = _WORDS["units"]
CURRENCIES: dict[str, str] = _WORDS["currencies"]
SYMBOLS: dict[str, str] = _WORDS["symbols"]

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SIGN = r"(?<![A-Za-z0-9.)\]）%])[-−]"
_TO = r"[-~～–—至到]"

Rule = tuple[re.Pattern[str], Callable[["re.Match[str]"], str]]


def normalise(text: str) -> str:
    """The text with everything that is not plain words read out in Mandarin; English words stay."""
    text = text.translate(_NARROW)
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    return text.translate(_SYMBOLS)


def say_as(text: str, kind: str) -> str:
    """Words for a text of a given kind, as SSML's `<say-as interpret-as>` names them.

    Raises `ValueError` for a kind that is not known or does not fit the text.
    """
    if kind not in _KINDS:
        raise ValueError(f"<say-as interpret-as> is one of {', '.join(_KINDS)}, not {kind[:40]!r}")
    pattern, say = _KINDS[kind]
    text = text.translate(_NARROW)
    if not re.fullmatch(pattern, text):
        raise ValueError(f"<say-as>: {text[:40]!r} is no {kind}")
    return say(text)


def _date(found: re.Match[str]) -> str:
    year, month, day = found.group(1, 2, 3)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return found[0]
    return f"{digits(year)}年{cardinal(str(int(month)))}月{cardinal(str(int(day)))}日"


def _time(found: re.Match[str]) -> str:
    hour, minute, second = found.group(1, 2, 3)
    said = cardinal(str(int(hour))) + "点"
    if int(minute):
        said += ("零" if minute[0] == "0" else "") + cardinal(str(int(minute))) + "分"
    elif second is None:
        said += "整"
    return said + (cardinal(str(int(second))) + "秒" if second else "")


def _telephone(found: re.Match[str]) -> str:
    plus = "加" if found[0].startswith("+") else ""
    groups = re.findall(r"\d+", found[0])
    return plus + "，".join(digits(group, one="幺") for group in groups)


def _money(found: re.Match[str]) -> str:
    return cardinal(_trimmed(found["amount"])) + (found["large"] or "") + CURRENCIES[found["currency"]]


def _percent(found: re.Match[str]) -> str:
    base = {"%": "百分之", "‰": "千分之"}[found[3]]
    minus = "负" if found[1] else ""
    return minus + base + cardinal(found[2])


def _degrees(found: re.Match[str]) -> str:
    return "零下" + cardinal(found[1]) + UNITS[found[2]]


def _measured(found: re.Match[str]) -> str:
    minus = "负" if found[1] else ""
    return minus + ("两" if found[2] == "2" else cardinal(found[2])) + UNITS[found[3]]


def _trimmed(number: str) -> str:
    """Without the zeros that a price ends in."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _any_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = rf"(?P<currency>{_any_of(CURRENCIES)})"
_AMOUNT = rf"(?P<amount>{_NUMBER})\s?(?P<large>[万亿]?)"
_UNIT = rf"({_any_of(UNITS)})(?![A-Za-z0-9])"


def _rules() -> tuple[Rule, ...]:
    """The rules in their order: what is most specific comes first."""
    listed: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (rf"(?<!\d)(\d{{4}}){_TO}(\d{{4}})(?=年)", lambda m: f"{digits(m[1])}到{digits(m[2])}"),
        (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])日?", _date),
        (r"(?<!\d)(\d{4})(?=年)", lambda m: digits(m[1])),
        (r"(?<!\d)(\d{2})(?=年代)", lambda m: cardinal(m[1])),
        (r"(?<!\d)(\d{2})(?=[届级]?年[代度]?[初末])", lambda m: digits(m[1])),
        (r"(?<![\d:])([01]?\d|2[0-4])[::]([0-5]\d)(?:[::]([0-5]\d))?(?![\d:])", _time),
        (r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", _telephone),
        (r"(?<![\d.])(?:0\d{2,3}-\d{7,8}|[48]00-?\d{3}-?\d{4})(?!\d)", _telephone),
        (r"(?<=[打拨线话])\d{3,5}(?!\d)", _telephone),
        (r"(?<![\d.])\d{1,5}(?:\.\d{1,5}){2,3}(?![\d.])", lambda m: _dotted(m[0])),
        (rf"{_CURRENCY}\s?{_AMOUNT}", _money),
        (rf"{_AMOUNT}\s?(?P<currency>RMB|CNY|USD|EUR|GBP|HKD|JPY|€|£|￥)", _money),
        (rf"({_NUMBER})([%‰]?){_TO}({_NUMBER})([%‰])", _percent_range),
        (rf"({_SIGN})?({_NUMBER})([%‰])", _percent),
        (rf"{_SIGN}({_NUMBER})\s?(℃|°C|℉|°F)", _degrees),
        (rf"({_NUMBER}){_TO}({_NUMBER})\s?{_UNIT}", _measured_range),
        (rf"({_SIGN})?({_NUMBER})\s?{_UNIT}", _measured),
        (r"(?<![\d/.])(\d{1,4})/(\d{1,4})(?![\d/.])", lambda m: f"{cardinal(m[2])}分之{cardinal(m[1])}"),
        (r"(?<![\d:])(\d{1,4})[::](\d{1,4})(?![\d:])", lambda m: f"{cardinal(m[1])}比{cardinal(m[2])}"),
        (
            rf"(?<![\w.-])({_NUMBER}){_TO}({_NUMBER})(?![\d.-])",
            lambda m: f"{cardinal(m[1])}到{cardinal(m[2])}",
        ),
        (r"(?<=\d)\s?\+\s?(?=\d)", lambda _: "加"),
        (r"\s?=\s?", lambda _: "等于"),
        (rf"(?<![\d.,第])2(?=[{_WORDS['measures']}])", lambda _: "两"),
        (rf"({_SIGN})?(?<![A-Za-z])({_NUMBER})", lambda m: ("负" if m[1] else "") + cardinal(m[2])),
        (r"\d+", lambda m: digits(m[0])),
    ]
    return tuple((re.compile(pattern), replace) for pattern, replace in listed)


def _dotted(text: str) -> str:
    """A version or an address: its parts with 点 between."""
    return "点".join(
        digits(part) if len(part) > 1 and part[0] == "0" else cardinal(part) for part in text.split(".")
    )


def _percent_range(found: re.Match[str]) -> str:
    base = {"%": "百分之", "‰": "千分之"}[found[4]]
    return f"{base}{cardinal(found[1])}到{base}{cardinal(found[3])}"


def _measured_range(found: re.Match[str]) -> str:
    return f"{cardinal(found[1])}到{cardinal(found[2])}{UNITS[found[3]]}"


def _spelt(text: str) -> str:
    return " ".join(digits(character) for character in text if not character.isspace())


def _as_date(text: str) -> str:
    found = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", text)
    return _date(found) if found else normalise(text)


_KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "cardinal": (rf"[-−]?{_NUMBER}", cardinal),
    "ordinal": (r"\d+", lambda text: "第" + cardinal(text)),
    "digits": (r"[\d\s.-]+", lambda text: digits(re.sub(r"[^\d]", "", text))),
    "telephone": (
        r"\+?[\d\s()-]+",
        lambda text: "，".join(digits(g, one="幺") for g in re.findall(r"\d+", text)),
    ),
    "date": (r"[\d./年月日号-]+", _as_date),
    "time": (r"\d{1,2}[::]\d{2}([::]\d{2})?", normalise),
    "currency": (r".{1,40}", normalise),
    "measure": (r".{1,40}", normalise),
    "characters": (r".{1,200}", _spelt),
}
"""Kinds of `<say-as>`: what the text must look like, and how it is said."""

# Full-width letters, digits and the signs that belong to numbers; full-width punctuation stays.
_NARROW = {
    **{
        code: code - 0xFEE0
        for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
    },
    ord("％"): "%",
    ord("＋"): "+",
    ord("－"): "-",
    ord("＝"): "=",
    ord("＄"): "$",
    ord("．"): ".",
    ord("／"): "/",
}
_SYMBOLS = {ord(symbol): said for symbol, said in SYMBOLS.items()}
_RULES = _rules()
