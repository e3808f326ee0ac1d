"""Patterns of files: `**` spans folders, `*` does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envspec.system.pattern import matcher

CASES = [
    ("**/tests/**", "a/tests/b.py", True),
    ("**/tests/**", "tests/b/c.py", True),
    ("**/tests/**", "a/mytests/b.py", False),
    ("**/*.a", "a/b/libx.a", True),
    ("**/*.a", "libx.a", True),
    ("**/*.a", "libx.axe", False),
    ("*.a", "a/libx.a", False),
    ("torch/include/**", "torch/include/a/b.h", True),
    ("torch/include/**", "torch/included.h", False),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("a[b]", "a[b]", True),
    ("a.b", "axb", False),
    ("a", "a\nb", False),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), CASES)
def test_a_pattern(pattern: str, path: str, matches: bool) -> None:
    assert matcher([pattern])(path) is matches


def test_one_of_several_is_enough() -> None:
    assert matcher(["x", "y"])("y")


def test_without_patterns_nothing_matches() -> None:
    assert not matcher([])("")


@given(st.text("ab*?/.[", max_size=12), st.text("ab/.[", max_size=12))
def test_any_pattern_is_a_pattern(pattern: str, path: str) -> None:
    assert matcher([pattern])(path) in {True, False}


@given(st.text("ab/.[(+", min_size=1, max_size=12))
def test_a_path_matches_itself(path: str) -> None:
    assert matcher([path])(path) is True
