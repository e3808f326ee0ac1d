"""Patterns of files below site-packages, as `[remove] files` has them: `**` spans folders, `*` does not."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

_FOLDERS, _ANYTHING, _WITHIN = "(?:[^/]+/)*", ".*", "[^/]*"
_SPECIAL = {"**/": _FOLDERS, "**": _ANYTHING, "*": _WITHIN, "?": "[^/]"}
_SPANNING = (_FOLDERS, _ANYTHING)


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test for relative paths with `/` between their parts; without patterns nothing matches."""
    wanted = expression(patterns)
    if not wanted:
        return lambda _: False
    compiled = re.compile(wanted)
    return lambda path: compiled.fullmatch(path) is not None


def expression(patterns: Iterable[str]) -> str:
    """The regular expression that whole paths are matched with; empty without patterns.

    It is read by old Pythons as well. Whatever the patterns, the steps of a match grow with the square of the
    path's length at most.
    """
    numbers = itertools.count()
    return "|".join(_expression(pattern, numbers) for pattern in patterns)


def _expression(pattern: str, numbers: Iterator[int]) -> str:
    parts = list(_parts(pattern))
    if sum(part in (*_SPANNING, _WITHIN) for part in parts) < 3:
        return "".join(parts)
    # A wildcard is followed by something fixed, and then by a wildcard that takes whatever is left over: so
    # the first place where the fixed part fits is as good as any later one, and need never be given up. Only
    # what stands behind the last wildcard that spans folders has to reach the end.
    *first, last = _split(parts, _SPANNING)
    held = [_held([*lead, *_held_words(rest, numbers)], numbers) for lead, rest in first]
    lead, rest = last
    *words, ending = _split(rest, (_WITHIN,))
    inner = [_held([*wild, *fixed], numbers) for wild, fixed in words]
    return "".join([*held, *lead, *inner, *ending[0], *ending[1]])


def _parts(pattern: str) -> Iterator[str]:
    """Expressions of the pattern's pieces; of wildcards that stand side by side the widest one."""
    last = ""
    for piece in re.split(r"((?<![^/])\*\*/|\*\*|\*|\?)", pattern):
        part = _SPECIAL.get(piece) or re.escape(piece)
        if not part or (part in _SPANNING and last in (part, _ANYTHING)):
            continue
        yield part
        last = part


def _split(parts: Sequence[str], at: Sequence[str]) -> list[tuple[list[str], list[str]]]:
    """The parts in groups: a wildcard of `at`, which the first group may lack, and what follows it."""
    groups: list[tuple[list[str], list[str]]] = [([], [])]
    for part in parts:
        if part in at:
            groups.append(([part], []))
        else:
            groups[-1][1].append(part)
    return groups


def _held_words(parts: Sequence[str], numbers: Iterator[int]) -> list[str]:
    return [_held([*wild, *fixed], numbers) for wild, fixed in _split(parts, (_WITHIN,))]


def _held(parts: Sequence[str], numbers: Iterator[int]) -> str:
    """What matches at the first place where it can and nowhere else: what Python 3.11 calls atomic."""
    wild = [f"{part}?" if part in (*_SPANNING, _WITHIN) else part for part in parts]
    if wild == list(parts):
        return "".join(parts)
    name = f"held{next(numbers)}"
    return f"(?=(?P<{name}>{''.join(wild)}))(?P={name})"
