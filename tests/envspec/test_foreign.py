"""Foreign text is shown and never obeyed, and stays readable where it is harmless."""

import re
import time

import pytest
from hypothesis import given

from envspec.system.errors import BuildError, Problem, SpecError
from envspec.system.finding import Finding, Severity
from envspec.system.foreign import LIMIT, no_commands, readable
from tests.support.hostile import HOSTILE, acting, hostile_texts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;pwn\x07", r"\x1b]0;pwn\x07"),
        ("a\r\nb\rc", "a\nb\\rc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("name\udcff", r"name\udcff"),
        ("a\u2028b", r"a\u2028b"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_acts_is_written_out(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    "text", ["你好，世界", "é ß ñ", "❤️ 🚀", "שלום", "हिन्दी", "tab\there\nand there", r"C:\x1b"]
)
def test_letters_of_every_script_stay(text: str) -> None:
    assert readable(text) == text


@given(hostile_texts())
def test_nothing_that_acts_is_left_and_twice_is_once(text: str) -> None:
    shown = readable(text)
    assert acting(shown) == []
    assert len(shown) <= LIMIT
    assert readable(shown) == shown


def test_a_long_text_loses_its_middle_and_says_so() -> None:
    shown = readable("begin" + "x" * 1_000_000 + "end")
    assert len(shown) == LIMIT
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert "1000008 characters" in shown


def test_a_word_is_left_out_rather_than_cut() -> None:
    shown = readable(" ".join(f"word{number:05}" for number in range(10_000)))
    begin, end = re.split(r" … \(\d+ characters, too many to show\) … ", shown)
    assert all(re.fullmatch(r"word\d{5}", word) for word in (begin + end).split())


@given(hostile_texts())
def test_no_line_is_a_command(text: str) -> None:
    said = no_commands(text)
    assert not re.search(r"(?m)^\s*::|##(?:vso|teamcity)?\[", said)
    assert no_commands(said) == said


def test_the_work_grows_with_the_length_alone() -> None:
    began = time.monotonic()
    for text in ("\x1b" * 1_000_000, "#" * 1_000_000, " " * 1_000_000 + ":", "\n" * 1_000_000):
        no_commands(readable(text, 10**7))
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("text", HOSTILE)
def test_findings_and_errors_are_made_readable(text: str) -> None:
    found = Finding(rule="EV140", severity=Severity.ERROR, message=text, hint=text, where=text)
    failed = BuildError(text, hint=text)
    wrong = SpecError(text, (Problem(path=text, message=text),))
    for said in (
        found.message,
        found.hint,
        found.where,
        failed.message,
        str(failed),
        failed.hint,
        str(wrong),
    ):
        assert acting(said) == []
    assert Finding.from_dict(found.as_dict()) == found


def test_an_error_keeps_its_last_words() -> None:
    assert BuildError("it failed\n" + "x" * 100_000 + "\nthe cause").message.endswith("the cause")
