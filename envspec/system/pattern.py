"""Patterns of files below site-packages, as `[remove] files` has them: `**` spans folders, `*` does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test for relative paths with `/` between their parts; without patterns nothing matches."""
    wanted = expression(patterns)
    if not wanted:
        return lambda _: False
    compiled = re.compile(wanted)
    return lambda path: compiled.fullmatch(path) is not None


def expression(patterns: Iterable[str]) -> str:
    """The regular expression that whole paths are matched with; empty without patterns."""
    return "|".join(map(_expression, patterns))


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    special = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(special.get(part) or re.escape(part) for part in parts)
