"""Commands of a shell script: its simple commands with their words, read and never run.

Quotes, escapes, comments, operators, redirections and plain variables are understood; what a shell would have
to compute stays as it is written, and can be told by its `$`. Source: POSIX.1-2024, Shell Command Language.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping

_NAME = re.compile(r"[A-Za-z_]\w*")
_BRACED = re.compile(r"\{([A-Za-z_]\w*)(?:(:?[-+=?])([^{}]*))?\}")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_OPERATORS = ("&&", "||", ";;", "|&", "|", ";", "&", "(", ")", "\n")
_REDIRECT = re.compile(r"(\d*)(?:>>|>&|>\||&>>|&>|<<<|<>|<&|>|<)")

_OPENS = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac"}
_STEPS = {"then", "else", "elif", "do", "!", "{", "}", "fi", "done", "esac", "time", "("}

EXPANDED = 1 << 20
"""Characters of one script with its variables filled in."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One simple command."""

    words: tuple[str, ...]
    text: str
    """As it was written, about."""
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Variables that it alone has: `VAR=x` before it."""
    conditional: bool = False
    """Whether it stands in an `if`, a loop or behind `||`."""
    line: int = 0
    """Lines of the script before it."""


def commands(script: str, variables: Mapping[str, str]) -> Iterator[Command]:
    """The simple commands of a script, in order. Raises `ValueError` where it grows beyond all bounds."""
    known = dict(variables)
    words: list[str] = []
    begin = line = 0
    depth: list[str] = []
    either = pattern = False
    lexer = _Lexer(script, known)
    for kind, text, place in lexer.tokens():
        if kind == "word":
            if not words:
                begin = place
            words.append(text)
            continue
        if pattern and words[:1] != ["esac"]:  # of a `case`: what stands before its `)` is no command
            pattern = text != ")"
            words = []
            continue
        cases = depth.count("esac")
        yield from _command(words, script[begin:place], known, depth, either, line)
        pattern = (depth.count("esac") > cases and text != ")") or (text == ";;" and depth[-1:] == ["esac"])
        either = text == "||" or (text == "&&" and words[:1] in (["["], ["[["], ["test"]))
        words = []
        line = script.count("\n", 0, place) + (text == "\n")
    yield from _command(words, script[begin:], known, depth, either, line)


def _command(
    words: list[str], text: str, known: dict[str, str], depth: list[str], either: bool, line: int
) -> Iterator[Command]:
    count = len(words)
    words = list(words)
    while words and (words[0] in _STEPS or words[0] in _OPENS):
        word = words.pop(0)
        if word in _OPENS:
            depth.append(_OPENS[word])
            if word in {"for", "case"}:
                return
        elif depth and word == depth[-1]:
            depth.pop()
    text = " ".join(words) if len(words) < count else text
    settings: dict[str, str] = {}
    while words and (found := _ASSIGNED.fullmatch(words[0])):
        settings[found[1]] = found[2]
        words.pop(0)
    if not words:
        for name, value in settings.items():
            _assign(known, name, value, sure=not (depth or either))
        if settings:
            yield Command(words=("export",), text=text.strip(), settings=settings, line=line)
        return
    if words[0] in {"export", "declare", "local", "readonly"}:
        for word in words[1:]:
            if found := _ASSIGNED.fullmatch(word):
                _assign(known, found[1], found[2], sure=not (depth or either))
    yield Command(
        words=tuple(words),
        text=text.strip(),
        settings=settings,
        conditional=bool(depth) or either,
        line=line,
    )


def _assign(known: dict[str, str], name: str, value: str, *, sure: bool) -> None:
    """Give a variable its value, or forget it where the build alone knows which value it has."""
    if sure and "$" not in value:
        known[name] = value
    else:
        known.pop(name, None)


class _Lexer:
    """Cuts a script into words and operators. Every character is looked at a bounded number of times."""

    def __init__(self, script: str, variables: Mapping[str, str]) -> None:
        self._script = script
        self._variables = variables
        self._left = EXPANDED

    def tokens(self) -> Iterator[tuple[str, str, int]]:
        script, place = self._script, 0
        while place < len(script):
            character = script[place]
            if character in " \t\r":
                place += 1
            elif script.startswith("\\\n", place):
                place += 2
            elif character == "#":
                end = script.find("\n", place)
                place = len(script) if end < 0 else end
            elif operator := self._operator(place):
                yield "operator", operator, place
                place += len(operator)
            elif redirect := _REDIRECT.match(script, place):
                place = self._skipped(redirect.end())
            else:
                begin = place
                words, place = self._word(place)
                for word in words:
                    yield "word", word, begin

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
