"""Commands of a shell script: its simple commands with their words, read and never run.

Quotes, escapes, comments, operators, redirections and plain variables are understood; what a shell would have
to compute stays as it is written, and can be told by its `$`. Source: POSIX.1-2024, Shell Command Language.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Iterator, Mapping

from envspec.ingest.docker.branches import Branches

_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"\{([A-Za-z_]\w*)(?:(:?[-+=?])([^{}]*))?\}")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_OPERATORS = ("&&", "||", ";;", "|&", "|", ";", "&", "(", ")", "\n")
_REDIRECT = re.compile(r"(\d*)(?:>>|>&|>\||&>>|&>|<<<|<>|<&|>|<)")

EXPANDED = 1 << 20
"""Characters of one script with its variables filled in, and its loops as often as they run."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One simple command."""

    words: tuple[str, ...]
    text: str
    """As it was written, about."""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables that it alone has: `VAR=x` before it."""
    runs: bool | None = True
    """Whether it runs; None where an `if`, a loop or a `||` decides it that only the build knows."""
    line: int = 0
    """Lines of the script before it."""


def commands(script: str, variables: Mapping[str, str]) -> Iterator[Command]:
    """The simple commands of a script, in order: those of a loop once for each word that it names.

    Raises `ValueError` where it grows beyond all bounds.
    """
    known = dict(variables)
    words: list[str] = []
    begin = line = 0
    branches = Branches()
    lexer = _Lexer(script, known)
    ends = [found.start() for found in re.finditer("\n", script)]
    for kind, text, place in lexer.tokens():
        if kind == "word" or branches.goes_on(words, text):
            if not words:
                begin = place
            words.append(text)
            continue
        if words[:1] == ["done"] and (loop := branches.again()) is not None:
            known[loop.name] = loop.turn
            lexer.go_back(loop.body)
        else:
            yield from _command(words, script[begin:place], known, branches, line)
            branches.operator(text, words, lexer.place)
        words = []
        line = bisect.bisect_left(ends, lexer.place)


def _command(
    words: list[str], text: str, known: dict[str, str], branches: Branches, line: int
) -> Iterator[Command]:
    count = len(words)
    words = branches.opened(words)
    if not words and (loop := branches.begun()) is not None:
        known.pop(loop.name, None)
        known |= {loop.name: loop.turn} if loop.turns else {}
    text = " ".join(words) if len(words) < count else text
    runs = branches.runs
    settings: dict[str, str] = {}
    while words and (found := _ASSIGNED.fullmatch(words[0])):
        settings[found[1]] = found[2]
        words = words[1:]
    if not words:
        _learn(known, settings, runs)
        if settings:
            yield Command(words=("export",), text=text.strip(), settings=settings, runs=runs, line=line)
        return
    if words[0] in {"export", "declare", "local", "readonly"}:
        given = (_ASSIGNED.fullmatch(word) for word in words[1:])
        _learn(known, {found[1]: found[2] for found in given if found}, runs)
    branches.ran(words)
    yield Command(words=tuple(words), text=text.strip(), settings=settings, runs=runs, line=line)


def _learn(known: dict[str, str], values: Mapping[str, str], runs: bool | None) -> None:
    """Keep what variables are given, and forget what they were where that may have happened or not."""
    for name, value in values.items():
        if runs is not False:
            known.pop(name, None)
        if runs and "$" not in value:
            known[name] = value


class _Lexer:
    """Cuts a script into words and operators. Every character is looked at a bounded number of times."""

    def __init__(self, script: str, variables: Mapping[str, str]) -> None:
        self._script = script
        self._variables = variables
        self._left = EXPANDED
        self.place = 0
        """Behind what was read last."""

    def go_back(self, place: int) -> None:
        """Read on from an earlier place, as a loop does."""
        self._left -= self.place - place
        if self._left < 0:
            raise ValueError("its commands are too long with their loops written out")
        self.place = place

    def tokens(self) -> Iterator[tuple[str, str, int]]:
        """Words and operators with where they begin, and an operator without a text at the end."""
        script = self._script
        while True:
            place = self.place
            character = script[place : place + 1]
            if not character:
                yield "operator", "", place
                if self.place >= place:
                    return
            elif character in " \t\r":
                self.place += 1
            elif script.startswith("\\\n", place):
                self.place += 2
            elif character == "#":
                end = script.find("\n", place)
                self.place = len(script) if end < 0 else end
            elif operator := self._operator(place):
                self.place += len(operator)
                yield "operator", operator, place
            elif redirect := _REDIRECT.match(script, place):
                self.place = self._skipped(redirect.end())
            else:
                words, self.place = self._word(place)
                for word in words:
                    yield "word", word, place

    def _operator(self, place: int) -> str:
        if self._script.startswith(("&>", ">&"), place):
            return ""
        return next((each for each in _OPERATORS if self._script.startswith(each, place)), "")

    def _skipped(self, place: int) -> int:
        """Behind the target of a redirection."""
        while place < len(self._script) and self._script[place] in " \t":
            place += 1
        return self._word(place)[1] if place < len(self._script) else place

    def _word(self, place: int) -> tuple[list[str], int]:
        """The words that one piece of the script gives: unquoted variables are split."""
        script = self._script
        words: list[str] = []
        piece: list[str] = []
        quoted = False
        begin = place
        while place < len(script):
            character = script[place]
            if character in " \t\r\n;&|()<>" and not (character in "<>" and place == begin):
                break
            if character == "'":
                end = script.find("'", place + 1)
                end = len(script) if end < 0 else end
                piece.append(script[place + 1 : end])
                place, quoted = end + 1, True
            elif character == '"':
                text, place = self._double(place + 1)
                piece.append(text)
                quoted = True
            elif character == "\\":
                piece.append(script[place + 1 : place + 2].replace("\n", ""))
                place += 2
            elif character in "$`":
                text, place, split = self._variable(place)
                parts = text.split() if split else [text]
                for number, part in enumerate(parts):
                    if number:
                        words.append("".join(piece))
                        piece = []
                    piece.append(part)
            else:
                piece.append(character)
                place += 1
        word = "".join(piece)
        if word or quoted:
            words.append(word)
        return words, max(place, begin + 1)

    def _double(self, place: int) -> tuple[str, int]:
        script = self._script
        piece: list[str] = []
        while place < len(script) and script[place] != '"':
            if script[place] == "\\" and script[place + 1 : place + 2] in {'"', "\\", "$", "`", "\n"}:
                piece.append(script[place + 1].replace("\n", ""))
                place += 2
            elif script[place] in "$`":
                text, place, _ = self._variable(place)
                piece.append(text)
            else:
                piece.append(script[place])
                place += 1
        return "".join(piece), place + 1

    def _variable(self, place: int) -> tuple[str, int, bool]:
        """What stands for a `$` or a backtick, where it ends, and whether it was a variable that is known."""
        script = self._script
        if script[place] == "`":
            end = script.find("`", place + 1)
            end = len(script) if end < 0 else end + 1
            return "$" + script[place:end], end, False
        if script.startswith("$(", place):
            end = _closing(script, place + 1)
            return script[place:end], end, False
        braced = _BRACED.match(script, place + 1)
        plain = _NAME.match(script, place + 1)
        found = braced or plain
        if found is None:
            return "$", place + 1, False
        name = braced[1] if braced else found[0]
        value = self._variables.get(name)
        if braced and braced[2] in {":-", "-", ":=", "="} and not value:
            value = braced[3]
        elif braced and braced[2] in {":+", "+"}:
            value = braced[3] if value else ""
        if value is None:
            return script[place : found.end()], found.end(), False
        self._left -= len(value)
        if self._left < 0:
            raise ValueError("its commands are too long with their variables filled in")
        return value, found.end(), True


def _closing(script: str, place: int) -> int:
    """Behind the parenthesis that closes the one at `place`."""
    depth = 0
    for number in range(place, len(script)):
        depth += (script[number] == "(") - (script[number] == ")")
        if depth == 0:
            return number + 1
    return len(script)


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with its variables filled in, where they are known."""
    return _Lexer(text.replace('"', '\\"'), variables)._double(0)[0]
