"""Text work takes time in proportion to the text, for each rule and its worst input: steps are counted."""

from __future__ import annotations

import re
import sys

import hypothesis
import hypothesis.strategies as st
import pytest

from service.text import clean, normalise, sentences
from service.text.normalise import LONGEST_NUMBER, normalise_text, prepare_text
from tests.service.text.steps import Counter

PATTERNS = {
    **{f"rule {number}": pattern for number, (pattern, _) in enumerate(normalise._RULES)},
    "long number": normalise._LONG_NUMBER,
    "repeated": normalise._REPEATED,
    "sentence": sentences._SENTENCE,
    "clause": sentences._CLAUSE,
    "unspeakable": clean._UNSPEAKABLE,
}
NUMBER = "12345678901234567,123.99"
WORST = (
    "1", "0", "1,", "111,", "1.", "1-", "1/", "1:", "1 ", "1e", "1e9", "9%-", "1%", "$1", "¥1-", "1km",
    "1k", "a1", "A111", "1到", "5℃", "-5", "-5~", "1.0", "1^2", "0=", "= ", "1+", "#", " # ", "年",
    "1年", "20年", "2024-1-1", "1999-2000年", "'98", "点整", "点整整", "月-1", "13812345678", "138-",
    "+86 ", "(010)1234567", "400-800-", "打110", "120 ", "密码1234", "密码 ", "1.2.3", "1.2.3.4",
    "￥1万", "1元", "1.00", "8.5折", "120/80", "mmHg", "米/kg", "3/4", "3:2", "5-3 =", "2个", "第2", "٣",
    "१", "…", "...", "?!", "。", "。”", ".", ". ", ", ", "，", "a", "好", " ", "\n", " \n", "\u0301",
    "𝟡", "12:34:56", "3:00 a", NUMBER, NUMBER + "-", NUMBER + "x", NUMBER + "%", "x" * 50 + "1",
    "1" * 24, "1" * 24 + " ", "0.1,", "1,000", "1,000,",
)  # fmt: skip
"""Units whose repetition is hard for one rule or another."""


def steps(pattern: re.Pattern[str], text: str) -> int:
    counter = Counter(pattern)
    for _ in counter.spans(text):
        pass
    return counter.steps


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_twice_the_text_takes_twice_the_steps(pattern: re.Pattern[str]) -> None:
    sys.setrecursionlimit(20_000)
    for unit in WORST:
        seen = prepare_text if pattern in {rule for rule, _ in normalise._RULES} else str
        times = max(4, 60 // len(unit))
        short, long = (seen(unit * count) for count in (times, 2 * times))
        taken, more = steps(pattern, short), steps(pattern, long)
        assert more <= 2.4 * taken + 600, (unit, taken, more)
        assert more <= 3000 * len(long) + 600, (unit, more)


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_the_count_is_of_the_same_search(pattern: re.Pattern[str]) -> None:
    """The matcher that counts finds what `re` finds."""
    for unit in WORST:
        text = unit * 3 + "元 好。" + unit
        assert list(Counter(pattern).spans(text)) == [m.span() for m in pattern.finditer(text) if m[0]], unit


def test_what_is_quadratic_is_found() -> None:
    pattern = re.compile(r"\d+x")
    assert steps(pattern, "1" * 200) > 3 * steps(pattern, "1" * 100)


@hypothesis.given(st.text(st.sampled_from("0123456789,.-%a٣９ ")))
def test_the_rules_see_no_long_number(text: str) -> None:
    seen = prepare_text(text)
    assert max(map(len, re.findall(r"[0-9](?:[0-9]|[,.](?=[0-9]))*", seen)), default=0) <= LONGEST_NUMBER
    assert not re.search(r"[^\D0-9]", seen)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1" * 30, "一" * 30),
        ("٣٤", "三十四"),
        ("१२%", "百分之十二"),
        ("3." + "14" * 15, "三点" + "一四" * 15),
        ("1,234,567,890,123,456,789", "一二三四五六七八九零一二三四五六七八九"),
        ("1,2,3,4,5,6,7,8,9,10,11,12", "一，二，三，四，五，六，七，八，九，一零，一一，一二"),
    ],
)
def test_what_is_too_long_for_a_value_is_read_out(written: str, spoken: str) -> None:
    assert normalise_text(written) == spoken


def test_marks_beyond_what_a_letter_bears_are_dropped() -> None:
    """To bring combining marks into their order takes quadratic time."""
    text = clean.clean_text("a" + "\u0316\u0301" * 2000 + "好")
    assert len(text) <= clean.MOST_MARKS + 2
    assert text.endswith("好")


def test_a_letter_keeps_its_marks() -> None:
    assert clean.clean_text("Cafe\u0301 हिन्दी ทำ が") == "Café हिन्दी ทำ が"


def test_long_texts_without_a_stop_are_cut_once_through() -> None:
    """A million characters: each is copied once or twice, not once for every piece before it."""
    pieces = [piece for piece, _ in sentences.split_sentences("好" * 1_000_000)]
    assert "".join(pieces) == "好" * 1_000_000
    assert max(map(len, pieces)) == sentences.LONGEST_PIECE
