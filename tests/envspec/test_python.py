"""The Python that a spec asks for: which forms there are, and what is said of all others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.spec.load import parse_spec
from envspec.spec.python import PATTERN, PythonWish, full_version, parse_python
from envspec.system.errors import SpecError
from tests.support.specs import spec_text, stage


@pytest.mark.parametrize(
    ("text", "wish", "line"),
    [
        ("3.9", PythonWish(minor=9), "3.9"),
        ("3.15", PythonWish(minor=15), "3.15"),
        ("3.12.7", PythonWish(minor=12, patch=7), "3.12"),
        ("3.14t", PythonWish(minor=14, free_threaded=True), "3.14t"),
        ("3.13.0t", PythonWish(minor=13, patch=0, free_threaded=True), "3.13t"),
    ],
)
def test_each_form_is_understood(text: str, wish: PythonWish, line: str) -> None:
    assert parse_python(text) == wish
    assert (wish.line, str(wish)) == (line, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pypy3.10", "is PyPy, and environments are made with CPython alone"),
        ("pp310", "is PyPy"),
        ("PyPy", "is PyPy"),
        ("graalpy-24", "is GraalPy"),
        ("2.7", "is a Python 2"),
        ("3.15.0rc1", "is no release"),
        ("3.15-dev", "is no release"),
        ("3.12t", "free-threaded builds begin with Python 3.13"),
        (">=3.11", "is no version of CPython"),
        ("3", "is no version of CPython"),
        ("3.011", "is no version of CPython"),
        ("", "is no version of CPython"),
        ("3.14td", "is no version of CPython"),
    ],
)
def test_anything_else_is_refused_with_what_is_possible(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"3\.1") as raised:
        parse_python(text)
    assert said in str(raised.value)


def test_a_spec_says_it_with_the_line_of_the_file() -> None:
    with pytest.raises(SpecError) as raised:
        parse_spec(spec_text(stage("a", "x==1")).replace('"3.11"', '"pypy3.10"'))
    (problem,) = raised.value.problems
    assert (problem.path, problem.line) == ("python", 2)
    assert 'or a free-threaded build ("3.14t")' in problem.message


@given(st.integers(0, 99), st.none() | st.integers(0, 99), st.booleans())
def test_what_is_written_is_read_again(minor: int, patch: int | None, threads: bool) -> None:
    wish = PythonWish(minor=minor, patch=patch, free_threaded=threads and minor >= 13)
    assert parse_python(str(wish)) == wish


@given(st.text(max_size=12) | st.from_regex(PATTERN, fullmatch=True) | st.from_regex(r"\A[23t.\d]{1,8}\Z"))
def test_any_text_is_a_wish_or_refused(text: str) -> None:
    try:
        wish = parse_python(text)
    except ValueError:
        return
    assert str(wish) == text
    assert parse_python(wish.line) == PythonWish(minor=wish.minor, free_threaded=wish.free_threaded)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3.12.7", (3, 12, 7)), ("3.15.0rc1", (3, 15, 0)), ("3.11.2-6+deb12u6", (3, 11, 2)), ("3.12", None)],
)
def test_the_numbers_of_a_full_version(text: str, numbers: tuple[int, int, int] | None) -> None:
    assert full_version(text) == numbers
