"""Which commands of a shell script run, as far as the values that its file gives decide it.

Source: POSIX.1-2024, Shell Command Language, 2.9.3 Lists and 2.9.4 Compound Commands.
"""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import operator
import re
from collections.abc import Callable, Sequence

_PATTERN = re.compile(r"[*?\[{~]")
"""What a shell makes other words of."""
_TESTS = {"[": "]", "[[": "]]", "test": ""}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-gt": operator.gt,
    "-ge": operator.ge,
    "-lt": operator.lt,
    "-le": operator.le,
}


@dataclasses.dataclass(kw_only=True, slots=True)
class Loop:
    """A `for` that is open."""

    name: str
    turns: collections.deque[str]
    """The words that its variable still gets, the present one first; none where they are not known."""
    body: int = -1
    """Where its commands begin in the script; below 0 before they do."""

    @property
    def turn(self) -> str:
        """What its variable is at present."""
        return self.turns[0]


@dataclasses.dataclass(kw_only=True, slots=True)
class _Frame:
    """One `if`, loop, `case` or group that is open."""

    end: str
    enters: bool | None
    """Whether the script comes to it."""
    outer: tuple[bool | None, bool | None, bool]
    """State of the list that it stands in."""
    runs: bool | None = True
    """Whether the part of it that is being read runs, if the script comes to it."""
    left: bool | None = True
    """Whether a later branch may still run: none before did."""
    said: bool | None = None
    """What the condition says that was read last."""
    subject: str = ""
    patterns: list[str] | None = None
    """The patterns of a `case` that are being read; None between them."""
    loop: Loop | None = None


class Branches:
    """Follows a script command by command.

    Whatever is no test is assumed to succeed: a build goes on only where its commands do.
    """

    def __init__(self) -> None:
        self._frames: list[_Frame] = []
        self._negated = self._function = False
        self._begin_list()

    def _begin_list(self) -> None:
        self._next: bool | None = True
        self._value: bool | None = True
        self._assumed = True

    @property
    def runs(self) -> bool | None:
        """Whether the next command runs; None where only the build knows."""
        top = self._frames[-1:]
        return _both(self._next, *(value for frame in top for value in (frame.enters, frame.runs)))

    def goes_on(self, words: Sequence[str], sign: str) -> bool:
        """Whether an operator stands inside of a `[[ ... ]]`."""
        return sign in {"&&", "||", "(", ")"} and words[:1] == ["[["] and words[-1] != "]]"

    def opened(self, words: list[str]) -> list[str]:
        """The words of a command without the keywords before it, which open, part and close branches."""
        self._negated = False
        while words:
            top = self._frames[-1] if self._frames else None
            if top is not None and top.patterns is not None and words[0] != "esac":
                top.patterns += words
                return []
            if words[0] in {"for", "select", "case"}:
                self._open_list(words)
                return []
            if not self._keyword(words[0], top):
                break
            words = words[1:]
        return words

    def _keyword(self, word: str, top: _Frame | None) -> bool:
        """Take a keyword; whether it was one."""
        match word:
            case "if":
                self._push("fi")
            case "while" | "until":
                self._push("done", runs=None)
            case "{":
                self._push("}", runs=None if self._function else True)
                self._function = False
            case "then" if top is not None and top.end == "fi":
                self._take_branch(top, top.said)
            case "elif" | "else" if top is not None and top.end == "fi":
                top.runs, top.said = top.left, None
                self._begin_list()
            case "then" | "elif" | "else" | "do" | "time":
                pass
            case "!":
                self._negated = not self._negated
            case "fi" | "done" | "esac" | "}":
                if top is not None and top.end == word:
                    self._pop()
            case _:
                return False
        return True

    def _open_list(self, words: Sequence[str]) -> None:
        given = words[3:] if words[2:3] == ["in"] else []
        if words[0] == "case":
            self._push("esac", runs=False)
            self._frames[-1].subject = words[1] if len(words) > 1 else "$"
            self._frames[-1].patterns = list(given)
        else:
            sure = bool(given) and not any(map(_unknown, given))
            plain = sure and words[0] == "for" and not any(map(_PATTERN.search, given))
            self._push("done", runs=True if sure else None)
            turns = collections.deque(given if plain else ())
            self._frames[-1].loop = Loop(name="".join(words[1:2]), turns=turns)

    def begun(self) -> Loop | None:
        """The loop whose commands come next; None where it is anything else."""
        loop = self._frames[-1].loop if self._frames else None
        return loop if loop is not None and loop.body < 0 else None

    def again(self) -> Loop | None:
        """The loop that ends here, at its next turn; None where it has no other."""
        loop = self._frames[-1].loop if self._frames else None
        if loop is None or len(loop.turns) < 2:
            return None
        loop.turns.popleft()
        self._begin_list()
        return loop

    def _push(self, end: str, *, runs: bool | None = True) -> None:
        outer = (self._next, self._value, self._assumed)
        self._frames.append(_Frame(end=end, enters=self.runs, outer=outer, runs=runs))
        self._begin_list()

    def _pop(self) -> None:
        self._next, self._value, self._assumed = self._frames.pop().outer
        self._said(value=True, assumed=True)

    def _take_branch(self, frame: _Frame, said: bool | None) -> None:
        frame.runs = _both(frame.left, said)
        frame.left = _both(frame.left, _opposite(said))
        self._begin_list()

    def ran(self, words: Sequence[str]) -> None:
        """Take what a simple command says: a test its value, any other that it succeeds."""
        value, assumed = tested(words)
        if self._negated:
            value, assumed = None if assumed else _opposite(value), False
        self._said(value=value, assumed=assumed)

    def _said(self, *, value: bool | None, assumed: bool) -> None:
        if self._next is True:
            self._value, self._assumed = value, assumed
        elif self._next is None:
            self._value, self._assumed = None, False

    def operator(self, text: str, words: Sequence[str], place: int) -> None:
        """Take an operator behind some words, which ends at a place of the script."""
        top = self._frames[-1] if self._frames else None
        if (loop := self.begun()) is not None:
            loop.body = place
        match text:
            case "&&":
                self._next = self._value
            case "||":
                self._next = None if self._assumed else _opposite(self._value)
            case "(" if words:
                self._function = True
            case "(" if top is None or top.patterns is None:
                self._push(")")
            case ")" if top is not None and top.patterns is not None:
                self._take_branch(top, _matched(top.subject, top.patterns))
                top.patterns = None
            case ")" if top is not None and top.end == ")":
                self._pop()
            case ";;":
                if top is not None and top.end == "esac":
                    top.patterns = []
                self._begin_list()
            case ";" | "&" | "\n":
                if top is not None and words:
                    top.said = None if self._assumed else self._value
                self._begin_list()


def is_test(words: Sequence[str]) -> bool:
    """Whether a command is one that only says yes or no."""
    return words[:1] != [] and words[0] in _TESTS


def tested(words: Sequence[str]) -> tuple[bool | None, bool]:
    """Whether a command succeeds, None where the build alone knows, and whether that is an assumption."""
    if words[:1] in (["true"], [":"]):
        return True, False
    if words[:1] == ["false"]:
        return False, False
    if not is_test(words):
        return True, True
    end = _TESTS[words[0]]
    inner = list(words[1:])
    if end:
        if inner[-1:] != [end]:
            return None, False
        inner.pop()
    return _any(inner, patterns=words[0] == "[["), False


def _any(words: list[str], *, patterns: bool) -> bool | None:
    """The value of what stands in a test; `&&` and `||` are those of `[[ ]]`."""
    value: bool | None = False
    for either in _split(words, "||"):
        every = _both(*(_one(part, patterns=patterns) for part in _split(either, "&&")))
        value = _opposite(_both(_opposite(value), _opposite(every)))
    return value


def _split(words: Sequence[str], mark: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word == mark:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _one(words: Sequence[str], *, patterns: bool) -> bool | None:
    if words[:1] == ["!"] and len(words) > 1:
        return _opposite(_one(words[1:], patterns=patterns))
    if any(map(_unknown, words)):
        return None
    match list(words):
        case []:
            return False
        case [text]:
            return text != ""
        case ["-n", text]:
            return text != ""
        case ["-z", text]:
            return text == ""
        case [one, "=" | "==", other]:
            return _matched(one, [other]) if patterns else one == other
        case [one, "!=", other]:
            return _opposite(_matched(one, [other])) if patterns else one != other
        case [one, sign, other] if sign in _NUMBERS and _number(one) and _number(other):
            return _NUMBERS[sign](int(one), int(other))
    return None


def _matched(subject: str, patterns: Sequence[str]) -> bool | None:
    if patterns == ["*"]:
        return True
    if any(map(_unknown, (subject, *patterns))):
        return None
    return any(fnmatch.fnmatchcase(subject, pattern) for pattern in patterns)


def _unknown(word: str) -> bool:
    return "$" in word or "`" in word


def _number(word: str) -> bool:
    return len(word) < 20 and word.removeprefix("-").isascii() and word.removeprefix("-").isdigit()


def _opposite(value: bool | None) -> bool | None:
    return None if value is None else not value


def _both(*values: bool | None) -> bool | None:
    if any(value is False for value in values):
        return False
    return None if None in values else True
