"""A module's text without the bodies of its functions, which are most of the text: they are read when called.

Bodies are found by indentation, as a reader finds them, and not by parsing, which is what this is to save. A
text in which that goes wrong no longer parses, and is then read whole.
"""

from __future__ import annotations

import ast
import bisect
import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence

SHORTEST = 160
"""Bytes of a body from which on leaving it out pays."""

_DEFINITION = re.compile(rb"def[ \t]")
_QUOTED = re.compile(
    rb'#[^\n]*|"""(?:[^"\\]|\\.|"(?!""))*"""|' + rb"'''(?:[^'\\]|\\.|'(?!''))*'''"
    rb'|"(?:[^"\\\n]|\\.)*"|' + rb"'(?:[^'\\\n]|\\.)*'",
    re.DOTALL,
)
"""Comments and strings. Source: the Python reference, section "String and Bytes literals"."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class FunctionBody:
    """The body of a function that was left out."""

    text: bytes
    """Its lines as they stand, indented."""
    line: int
    """Of the module, from 1: where it begins."""

    def statements(self, version: tuple[int, int]) -> list[ast.stmt]:
        """What stands in it, at the lines of the module. Raises `SyntaxError`, and what `ast.parse` does."""
        tree = ast.parse(b"\n" * (self.line - 2) + b"def _():\n" + self.text, feature_version=version)
        function = tree.body[0]
        if len(tree.body) > 1 or not isinstance(function, ast.FunctionDef):
            raise SyntaxError("what was taken for the body of a function is more than that")
        return function.body


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """A text in which `...` stands for long bodies, all else on the line where it was."""

    text: bytes
    bodies: Mapping[int, FunctionBody]
    """What was left out, by the line of its `...`."""


def outline(text: bytes, keep: Sequence[int] = ()) -> Outline:
    """Leave long bodies out, but for those with one of the lines `keep` (from 1, in order)."""
    if b"\r" in text or b"\f" in text:  # lines end elsewhere than they seem to
        return Outline(text=text, bodies={})
    strings = _Strings(text)
    parts: list[bytes] = []
    bodies: dict[int, FunctionBody] = {}
    done, line, counted = 0, 1, 0
    for match in _DEFINITION.finditer(text):
        if match.start() < done:
            continue
        before = text[max(done, text.rfind(b"\n", done, match.start()) + 1) : match.start()]
        indent = before[: len(before) - len(before.lstrip())]
        if before[len(indent) :].rstrip() not in (b"", b"async") or strings.hold(match.start()):
            continue
        start = _body_start(text, match.end(), len(indent))
        stop = _body_end(text, start, len(indent), strings)
        if stop - start < SHORTEST:
            continue
        line += text.count(b"\n", counted, start)
        counted = start
        lines = text.count(b"\n", start, stop)
        position = bisect.bisect_left(keep, line)
        if position < len(keep) and keep[position] < line + lines:
            continue
        bodies[line] = FunctionBody(text=text[start:stop], line=line)
        parts += (text[done:start], indent, b" ...", b"\n" * lines)
        done = stop
    parts.append(text[done:])
    return Outline(text=b"".join(parts), bodies=bodies)


class _Strings:
    """The strings of a text that span lines."""

    def __init__(self, text: bytes) -> None:
        spans = [match.span() for match in _QUOTED.finditer(text) if b"\n" in match[0]]
        self._starts = [start for start, _ in spans]
        self._stops = [stop for _, stop in spans]

    def hold(self, position: int) -> int:
        """Where the string ends that a position lies in; 0 outside of strings."""
        index = bisect.bisect_left(self._starts, position) - 1
        return self._stops[index] if index >= 0 and position < self._stops[index] else 0


def _body_start(text: bytes, position: int, indent: int) -> int:
    """Where the line after a function's header begins; the end of the text where no body of lines follows."""
    while (end := text.find(b"\n", position)) >= 0:
        line = text[position:end].partition(b"#")[0].rstrip()
        position = end + 1
        if line.endswith(b":"):
            return position
        following = text[position : position + indent + 1].lstrip(b" \t")
        if following and following[0] not in b")]}#\n":
            break  # the body stood on the header's own line
    return len(text)


@functools.cache
def _outside(indent: int) -> re.Pattern[bytes]:
    """A line of code that is indented by `indent` characters at most."""
    return re.compile(rb"^[ \t]{0,%d}[^\s#]" % indent, re.MULTILINE)


def _body_end(text: bytes, start: int, indent: int, strings: _Strings) -> int:
    outside = _outside(indent)
    position = start
    while match := outside.search(text, position):
        position = strings.hold(match.start())
        if not position:
            return match.start()
    return len(text)
