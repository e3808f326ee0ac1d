"""Lines: on which line of a TOML text each key and each item stands, found in one pass over the text.

The pass comes before any parser. What is nested so deeply or so long that a parser would need minutes for it,
or stop with an error of its own, is found here, with its place.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator, Sequence

Path = tuple[str | int, ...]

DEPTH = 64
"""Levels of tables, arrays and dotted keys that a text may have: no spec, lock or request has more."""

LONGEST_STRING = 10_000
"""Characters of one string, its quotes included."""

LONGEST_WORD = 100
"""Characters of a number, a date, or a part of a key."""

# Possessive repetitions never go back, so that the pass is linear whatever stands there. Source: TOML 1.0.0.
_TOKEN = re.compile(
    r'(?P<string>"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}|"(?!"")(?:[^"\\\n]++|\\[^\n])*+"'
    r"|'''(?:[^']++|'(?!''))*+'{3,5}|'(?!'')[^'\n]*+')"
    r"|(?P<space>[ \t\r]++|\#[^\n]*+)|(?P<sign>[\n\[\]{},=.])|(?P<word>[^\s\[\]{},=.\#\"']++)",
    re.DOTALL,
)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """Something in a text that is deeper or longer than may be read."""

    path: Path
    line: int
    message: str


class Lines:
    """The lines of the keys and items of one TOML text. Of a text that is no TOML, those before its fault."""

    def __init__(self, text: str) -> None:
        self._top = _Place(1)
        self.excess = _Reading(self._top).excess_of(text)
        """The first thing that is too deep or too long; nothing behind it was looked at."""

    def of(self, path: Sequence[str | int]) -> int | None:
        """1-based line of the deepest part of `path` that stands in the text; None where none of it does."""
        place, line = self._top, None
        for step in path:
            if step not in place.inside:
                break
            place = place.inside[step]
            line = place.line
        return line


class _Place:
    """Where a key or an item stands, with the places inside it."""

    __slots__ = ("inside", "line", "tables")

    def __init__(self, line: int) -> None:
        self.line = line
        self.inside: dict[str | int, _Place] = {}
        self.tables = 0
        """How many tables an array of tables has so far; 0 for anything else."""

    def within(self, step: str | int, line: int) -> _Place:
        """The place of a key or an item in here, made if it is new."""
        if step not in self.inside:
            self.inside[step] = _Place(line)
        return self.inside[step]


@dataclasses.dataclass(slots=True)
class _Open:
    """A table or an array that is being read."""

    place: _Place
    path: Path
    item: int | None = None
    """Number of the item of an array that is being read; None in a table."""


class _Reading:
    """One pass over a text, piece by piece: which of them may follow is left to whatever parses the text."""

    def __init__(self, top: _Place) -> None:
        self._top = top
        self._opened = [_Open(top, ())]
        """The table that the statements belong to, and what is open inside a value."""
        self._key: list[str] = []
        """As far as it was read."""
        self._brackets = 0
        """Open ones of a table's head: two of an array of tables."""
        self._in_value = False
        self._value = _Open(top, ())
        """What the next value belongs to."""

    def excess_of(self, text: str) -> Excess | None:
        """Read all of the text, or up to something that cannot stand there, or that is too much."""
        for kind, piece, line in _tokens(text):
            going_on = self._take_value(piece, line) if self._in_value else self._take_key(piece, line)
            if (message := self._excess(kind, piece)) is not None:
                return Excess(path=self._path(), line=line, message=message)
            if not going_on:
                break
        return None

    def _path(self) -> Path:
        """Where the pass stands."""
        inner = self._opened[-1]
        if not self._in_value:
            return (*inner.path, *self._key[:1])
        return self._value.path if inner.item is None else (*inner.path, inner.item)

    def _excess(self, kind: str, piece: str) -> str | None:
        if kind == "string" and len(piece) > LONGEST_STRING:
            return f"a string of {len(piece):,} characters; at most {LONGEST_STRING:,} are read"
        if kind == "word" and len(piece) > LONGEST_WORD:
            return f"a key or number of {len(piece):,} characters; at most {LONGEST_WORD} are read"
        if len(self._opened[-1].path) + len(self._key) > DEPTH:
            return f"nested deeper than {DEPTH} levels"
        return None

    def _take_key(self, piece: str, line: int) -> bool:
        inner = self._opened[-1]
        match piece:
            case "\n" | ".":
                pass
            case "[" if len(self._opened) == 1 and not self._key:
                self._brackets += 1
            case "]" if self._brackets:
                if self._key:
                    self._opened = [self._table(line)]
                self._brackets -= 1
            case "=" if self._key and not self._brackets:
                place = inner.place
                for step in self._key:
                    place = place.within(step, line)
                self._value, self._in_value = _Open(place, (*inner.path, *self._key)), True
                self._key = []
            case "}" if len(self._opened) > 1:
                self._opened.pop()
                self._in_value = True
            case "," | "=" | "[" | "]" | "{" | "}":
                return False
            case _:
                self._key.append(_plain(piece))
        return True

    def _table(self, line: int) -> _Open:
        """The table whose head has been read."""
        place, path = self._top, Path()
        for number, step in enumerate(self._key, 1):
            place, path = place.within(step, line), (*path, step)
            place.tables += number == len(self._key) and self._brackets > 1
            if place.tables:  # what is said of an array of tables belongs to its last one
                path = (*path, place.tables - 1)
                place = place.within(place.tables - 1, line)
        self._key = []
        return _Open(place, path)

    def _take_value(self, piece: str, line: int) -> bool:
        inner = self._opened[-1]
        nested, array = len(self._opened) > 1, inner.item is not None
        match piece:
            case "\n":
                self._in_value = nested
            case "," if inner.item is not None:
                inner.item += 1
            case "," if nested:
                self._in_value = False
            case "]" | "}" if nested and array is (piece == "]"):
                self._opened.pop()
            case "," | "]" | "}" | "=":
                return False
            case ".":  # of a number
                pass
            case _:
                self._begin(inner, piece, line)
        return True

    def _begin(self, inner: _Open, piece: str, line: int) -> None:
        """Note where a value begins, or another piece of a number or a date."""
        place, path = self._value.place, self._value.path
        if inner.item is not None:
            place, path = inner.place.within(inner.item, line), (*inner.path, inner.item)
        if piece == "[":
            self._opened.append(_Open(place, path, item=0))
        elif piece == "{":
            self._opened.append(_Open(place, path))
            self._in_value = False


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and line of every piece but white space and comments, up to what cannot be TOML."""
    position, line = 0, 1
    while found := _TOKEN.match(text, position):
        kind, piece = found.lastgroup or "", found[0]
        if kind != "space":
            yield kind, piece, line
        position = found.end()
        line += piece.count("\n")


def _plain(piece: str) -> str:
    """A part of a key without its quotes."""
    if piece[0] not in "\"'":
        return piece
    try:
        return str(tomllib.loads(f"key = {piece}")["key"])
    except ValueError:
        return piece
