"""Patterns of files: `**` spans folders, `*` does not."""

import functools
import re

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
    ("**/a/**/b*c*/**", "x/a/y/z/bxcx/w", True),
    ("**/a/**/b*c*/**", "x/a/y/z/bx/cx/w", False),
    ("*a*b*c", "xaxbxcxc", True),
    ("a**/b", "ax/y/b", True),
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


_PIECES = st.lists(st.sampled_from(["a", "b", "/", "*", "**", "**/", "?"]), min_size=1, max_size=9).map(
    "".join
)


@given(
    _PIECES.filter(lambda pattern: "//" not in pattern),
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=5),
)
def test_a_match_is_what_trying_everything_finds(pattern: str, parts: list[str]) -> None:
    path = "/".join(parts)
    assert matcher([pattern])(path) is _tried(pattern, path)


def _tried(pattern: str, path: str) -> bool:
    """Whether the path matches, found by trying each way in which the wildcards can be filled."""
    pieces = [piece for piece in re.split(r"((?<![^/])\*\*/|\*\*|\*|\?|.)", pattern) if piece]

    @functools.cache
    def fits(piece: int, start: int) -> bool:
        if piece == len(pieces):
            return start == len(path)
        here = path[start : start + 1]
        match pieces[piece]:
            case "**/":
                end = path.find("/", start)
                return fits(piece + 1, start) or (end > start and fits(piece, end + 1))
            case "**" | "*" as wild:
                taken = here and (wild == "**" or here != "/")
                return fits(piece + 1, start) or (bool(taken) and fits(piece, start + 1))
            case "?":
                return here not in {"", "/"} and fits(piece + 1, start + 1)
            case letter:
                return here == letter and fits(piece + 1, start + 1)

    return fits(0, 0)


@pytest.mark.parametrize(
    "pattern", ["**/" * 160, "**/a/" * 100, "*a" * 200, "**a*a" * 80 + "c", "**/*a*a/" * 60]
)
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    """Each of them would, if a place that was found once were given up for a later one."""
    matches = matcher([pattern])
    for path in ("a/" * 1000 + "b", "a" * 255, "aa/" * 500 + "b"):
        matches(path)
