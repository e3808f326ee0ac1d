"""The Chinese normaliser: figures, dates, money, units and symbols into words, as a speaker would read them.

An ordered list of rules, each a pattern and a function; the words they need lie in `words.json`. They see
only short numbers in the figures 0 to 9: each looks a bounded distance ahead from wherever it begins, and the
whole takes time in proportion to the text.
"""

from __future__ import annotations

import json
import pathlib
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.text.numerals import say_digits, say_number

_WORDS = json.loads((pathlib.Path(__file__).parent / "words.json").read_text(encoding="utf-8"))
UNITS: dict[str, str] = _WORDS["units"]
CURRENCIES: dict[str, str] = _WORDS["currencies"]
SYMBOLS: dict[str, str] = _WORDS["symbols"]
CODES: list[str] = _WORDS["codes"]
LINES: list[str] = _WORDS["lines"]

LONGEST_NUMBER = 24
"""Signs of the longest number that has a value; what is longer is read figure by figure."""

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SIGN = r"(?<![A-Za-z0-9.)\]）%])[-−]"
_TO = r"[-~～–—至到]"

if TYPE_CHECKING:
    NormalisingRule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
    """A pattern, and the words for what it finds."""


def normalise_text(text: str) -> str:
    """The text with everything that is not plain words read out in Mandarin; English words stay."""
    text = prepare_text(text)
    for pattern, replace in _RULES:
        text = pattern.sub(replace, text)
    return text.translate(_SYMBOLS)


def prepare_text(text: str) -> str:
    """The text as the rules may see it: narrow signs, figures of no other script, and no long numbers."""
    text = _OTHER_FIGURE.sub(lambda found: str(unicodedata.decimal(found[0])), text.translate(_NARROW))
    return _LONG_NUMBER.sub(_figures, _REPEATED.sub(r"\1", text))


def say_as(text: str, kind: str) -> str:
    """Words for a text of a given kind, as SSML's `<say-as interpret-as>` names them.

    Raises `ValueError` for a kind that is not known or does not fit the text.
    """
    if kind not in _KINDS:
        raise ValueError(f"<say-as interpret-as> is one of {', '.join(_KINDS)}, not {kind[:40]!r}")
    pattern, say = _KINDS[kind]
    text = _OTHER_FIGURE.sub(lambda found: str(unicodedata.decimal(found[0])), text.translate(_NARROW))
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(f"<say-as>: {text[:40]!r} is no {kind}")
    return say(text)


def _figures(found: re.Match[str]) -> str:
    """A long number figure by figure; its commas, where it is no number, are pauses."""
    said = found[0] if not re.fullmatch(_NUMBER, found[0]) else found[0].replace(",", "")
    return say_digits(said.replace(".", "点").replace(",", "，"))


def _date(found: re.Match[str]) -> str:
    year, month, day = found.group(1, 2, 3)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return found[0]
    return f"{say_digits(year)}年{say_number(str(int(month)))}月{say_number(str(int(day)))}日"


def _time(found: re.Match[str]) -> str:
    hour, minute, second, half = found.group(1, 2, 3, 4)
    said = {"am": "上午", "pm": "下午"}.get((half or "").lower(), "")
    said += ("两" if int(hour) == 2 else say_number(str(int(hour)))) + "点"
    if int(minute):
        said += ("零" if minute[0] == "0" else "") + say_number(str(int(minute))) + "分"
    elif second is None:
        said += "整"
    return said + (say_number(str(int(second))) + "秒" if second else "")


def _telephone(found: re.Match[str]) -> str:
    plus = "加" if found[0].startswith("+") else ""
    groups = re.findall(r"\d+", found[0])
    return plus + "，".join(say_digits(group, one="幺") for group in groups)


def _money(found: re.Match[str]) -> str:
    amounts = [say_number(_trimmed(amount)) for amount in (found["amount"], found["most"]) if amount]
    return "到".join(amounts) + (found["large"] or "") + CURRENCIES[found["currency"]]


def _percent(found: re.Match[str]) -> str:
    base = {"%": "百分之", "‰": "千分之"}[found[3]]
    minus = "负" if found[1] else ""
    return minus + base + say_number(found[2])


def _degrees(found: re.Match[str]) -> str:
    """One temperature or two; only those below zero are said to be."""
    said = [
        ("零下" if sign else "") + say_number(number)
        for sign, number in (found.group(1, 2), found.group(3, 4))
        if number
    ]
    return "到".join(said) + UNITS[found[5]]


def _power(found: re.Match[str]) -> str:
    """`10^3`, or `1e-6` of ten."""
    return f"{'' if found[1] else '乘以十'}的{say_number(found[2].lstrip('+'))}次方"


def _measured(found: re.Match[str]) -> str:
    minus = "负" if found[1] else ""
    return minus + ("两" if found[2] == "2" else say_number(found[2])) + UNITS[found[3]]


def _trimmed(number: str) -> str:
    """Without the zeros that a price ends in."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _any_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_CURRENCY = rf"(?P<currency>{_any_of(CURRENCIES)})"
_AMOUNT = rf"(?P<amount>{_NUMBER})(?:{_TO}(?P<most>{_NUMBER}))?\s?(?P<large>[万亿]?)"
_UNIT = rf"({_any_of(UNITS)})(?![A-Za-z0-9])"
_CLOCK = r"(?<![\d:])([01]?\d|2[0-4])[::]([0-5]\d)(?:[::]([0-5]\d))?(?![\d:])(?:\s?([AaPp][Mm])(?![A-Za-z]))?"


def _rules() -> tuple[NormalisingRule, ...]:
    """The rules in their order: what is most specific comes first."""
    listed: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        # Years, dates and times, and from one to the other
        (rf"(?<!\d)(\d{{4}}){_TO}(\d{{4}})(?=年)", lambda m: f"{say_digits(m[1])}到{say_digits(m[2])}"),
        (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d.])日?", _date),
        (r"(?<!\d)(?<!公元前)(\d{4})(?=年|Q[1-4])", lambda m: say_digits(m[1])),
        (r"['’‘](\d{2})(?=[年届级])", lambda m: say_digits(m[1])),
        (r"(?<!\d)(\d{2})(?=年代)", lambda m: say_number(m[1])),
        (r"(?<!\d)(\d{2})(?=[届级]?年[代度]?[初末])", lambda m: say_digits(m[1])),
        (_CLOCK, _time),
        (r"点整\s?整", lambda _: "点整"),
        (r"(?<=[日号月年点分整])\s?[-~～–—]\s?(?=[\d一二三四五六七八九十零两])", lambda _: "到"),
        # What is read figure by figure: telephones, codes, numbers behind letters
        (r"(?<![\d.])(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", _telephone),
        (r"(?<![\d.])(?:\(0\d{2,3}\)\s?|0\d{2,3}-)\d{7,8}(?!\d)", _telephone),
        (r"(?<![\d.])[48]00-?\d{3}-?\d{4}(?!\d)", _telephone),
        (r"(?<=[打拨线话])\d{3,5}(?!\d)", _telephone),
        (rf"(?<!\d)(?:1[12]\d|12\d{{3}}|9[56]\d{{3}})(?=\s?(?:{'|'.join(LINES)}))", _telephone),
        (
            rf"({'|'.join(CODES)})([::为是]?\s?)(\d{{3,}})(?![\d.])",
            lambda m: m[1] + m[2] + say_digits(m[3], one="幺"),
        ),
        (r"(?<![\d.])\d{1,5}(?:\.\d{1,5}){2,3}(?![\d.])", lambda m: _dotted(m[0])),
        (r"(?<=[A-Za-z])\d{3,}(?![\d.])", lambda m: say_digits(m[0], one="幺")),
        # Money, shares, measures
        (rf"{_CURRENCY}\s?{_AMOUNT}", _money),
        (rf"{_AMOUNT}\s?(?P<currency>RMB|CNY|USD|EUR|GBP|HKD|JPY|€|£|￥)", _money),
        (r"(\d)\.0+(?=\s?(?:元|块|美元|欧元|英镑|日元|港元))", lambda m: m[1]),
        (r"(?<!\d)(\d)\.(\d)(?=折)", lambda m: say_digits(m[1] + m[2])),
        (rf"({_NUMBER})([%‰]?){_TO}({_NUMBER})([%‰])", _percent_range),
        (rf"({_SIGN})?({_NUMBER})([%‰])", _percent),
        (rf"({_SIGN})({_NUMBER}){_TO}([-−]?)({_NUMBER})\s?(℃|°C|℉|°F)", _degrees),
        (rf"({_SIGN})({_NUMBER})()()\s?(℃|°C|℉|°F)", _degrees),
        (rf"({_NUMBER})/(?=({_NUMBER})\s?mmHg)", lambda m: f"{say_number(m[1])}比"),
        (rf"({_NUMBER}){_TO}({_NUMBER})\s?{_UNIT}", _measured_range),
        (rf"({_SIGN})?({_NUMBER})\s?{_UNIT}", _measured),
        (rf"(?<=[\u4e00-\u9fff])/{_UNIT}", lambda m: "每" + UNITS[m[1]]),
        # Sums, fractions, ratios, ranges
        (r"(?<=\d)(?:(\^)|[eE](?=[-+]?\d))([-+]?\d{1,3})(?![\d.])", _power),
        (r"(?<![\d/.])(\d{1,4})/(\d{1,4})(?![\d/.])", lambda m: f"{say_number(m[2])}分之{say_number(m[1])}"),
        (r"(?<![\d:])(\d{1,4})[::](\d{1,4})(?![\d:])", lambda m: f"{say_number(m[1])}比{say_number(m[2])}"),
        (rf"({_NUMBER})\s?[-−]\s?({_NUMBER})(?=\s?=)", lambda m: f"{say_number(m[1])}减{say_number(m[2])}"),
        (
            rf"(?<![A-Za-z\d.-])({_NUMBER}){_TO}({_NUMBER})(?![\d.-])",
            lambda m: f"{say_number(m[1])}到{say_number(m[2])}",
        ),
        (r"(?<=\d)\s?\+\s?(?=\d)", lambda _: "加"),
        (r"(?<![A-Za-z?])\s?=\s?", lambda _: "等于"),
        (r"(?<=\d)#", lambda _: "号"),
        (r"(?<!\S)#(?!\S)", lambda _: "井号"),
        # Twos that count, and all that is left
        (
            rf"(?<![\d.,第A-Za-z-])2(?=\s?(?:[{_WORDS['measures']}千百万亿]|小时|分钟|点(?!\d)))",
            lambda _: "两",
        ),
        (rf"(?<=[A-Za-z])({_NUMBER})(?!\d)", lambda m: say_number(m[1])),
        (rf"({_SIGN})?({_NUMBER})", lambda m: ("负" if m[1] else "") + say_number(m[2])),
        (r"\d+", lambda m: say_digits(m[0])),
    ]
    return tuple((re.compile(pattern, re.ASCII), replace) for pattern, replace in listed)


def _dotted(text: str) -> str:
    """A version, its parts with 点 between; an address of four parts is read figure by figure."""
    if text.count(".") == 3:
        return "点".join(map(say_digits, text.split(".")))
    return "点".join(
        say_digits(part) if len(part) > 1 and part[0] == "0" else say_number(part) for part in text.split(".")
    )


def _percent_range(found: re.Match[str]) -> str:
    base = {"%": "百分之", "‰": "千分之"}[found[4]]
    return f"{base}{say_number(found[1])}到{base}{say_number(found[3])}"


def _measured_range(found: re.Match[str]) -> str:
    return f"{say_number(found[1])}到{say_number(found[2])}{UNITS[found[3]]}"


def _spelt(text: str) -> str:
    return " ".join(say_digits(character) for character in text if not character.isspace())


def _as_date(text: str) -> str:
    found = re.fullmatch(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", text)
    return _date(found) if found else normalise_text(text)


_KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "cardinal": (rf"[-−]?{_NUMBER}", say_number),
    "ordinal": (r"\d+", lambda text: "第" + say_number(text)),
    "digits": (r"[\d\s.-]+", lambda text: say_digits(re.sub(r"[^\d]", "", text))),
    "telephone": (
        r"\+?[\d\s()-]+",
        lambda text: "，".join(say_digits(g, one="幺") for g in re.findall(r"\d+", text)),
    ),
    "date": (r"[\d./年月日号-]+", _as_date),
    "time": (r"\d{1,2}[::]\d{2}([::]\d{2})?", normalise_text),
    "currency": (r".{1,40}", normalise_text),
    "measure": (r".{1,40}", normalise_text),
    "characters": (r".{1,200}", _spelt),
}
"""Kinds of `<say-as>`: what the text must look like, and how it is said."""

# Full-width letters and the signs that belong to numbers; full-width punctuation stays.
_NARROW = {
    **{code: code - 0xFEE0 for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))},
    ord("％"): "%",
    ord("＋"): "+",
    ord("－"): "-",
    ord("＝"): "=",
    ord("＄"): "$",
    ord("．"): ".",
    ord("／"): "/",
}
_OTHER_FIGURE = re.compile(r"[^\D0-9]")
"""A decimal figure of any script but 0 to 9."""
_LONG_NUMBER = re.compile(rf"[0-9](?:[0-9]|[,.](?=[0-9])){{{LONGEST_NUMBER},}}")
_REPEATED = re.compile(r"([^\w\s])\1{2,}")
"""A sign three times or more is a line or a cry, and no word for each."""
_SYMBOLS = {ord(symbol): said for symbol, said in SYMBOLS.items()}
_RULES = _rules()
