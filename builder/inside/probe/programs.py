"""Finds the programs that a distribution's code runs by name and that are not there."""

from __future__ import annotations

import ast
import os
import re
import shutil

from . import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MADE = r"(?:wrappers?|bindings?|(?<!command.line )(?<!user )interface(?! with))"
WRAPS = re.compile(r"\b%s\b" % MADE, re.IGNORECASE)
WRAPPED = (
    re.compile(r"([\w-]{3,})(?: python)? %s\b" % MADE, re.IGNORECASE),
    re.compile(r"\b%s (?:for|to|around|of|over) (?:the )?([\w-]{3,})" % MADE, re.IGNORECASE),
)
"""Where a summary names what is wrapped."""
TOOLS = re.compile(r"command[ -]line (?:tools?|programs?|utilit)", re.IGNORECASE)
SEARCHES = ("which", "find_executable")
RUNS = ("Popen", "run", "call", "check_call", "check_output")
PROGRAM = re.compile(r"\b(?:%s)\(\s*[\[(]?\s*[\"'][\w.+-]{2,}[\"']" % "|".join(SEARCHES + RUNS))
CONSTANT = re.compile(
    r"^\w*(?:BINARY|EXECUTABLE)\s*(?::[^=\n]+)?=\s*(?:[\w.]*Path\()?[\"']([\w.+-]{2,})[\"']\)?\s*(?:#.*)?$",
    re.MULTILINE | re.IGNORECASE,
)
"""A module's constant that holds a program's name."""


class Programs:
    """The programs that one distribution runs; `path` is the PATH that its users have."""

    def __init__(self, name: str, summary: str, path: str) -> None:
        self.path = path
        self.wraps = WRAPS.search(summary) is not None
        self.purpose = purpose(name, summary)
        self.subject = {part for found in WRAPPED for word in found.findall(summary) for part in parts(word)}
        self.run = {}  # type: dict[str, str]
        """Programs that are run or looked for by name, with the place."""
        self.wrapped = {}  # type: dict[str, str]
        """Those among them, and others that are spelled, for which the distribution exists."""

    def read_source(self, text: str, path: str) -> None:
        """Look through a source."""
        file = os.path.basename(path)
        if self.wraps:
            for name in CONSTANT.findall(text):
                self.note(self.wrapped, name, file)
        if "which(" not in text and "Popen" not in text and "subprocess" not in text:
            return
        for name in self.purpose:
            if re.search(r"[\"']%s[\"']" % re.escape(name), text):
                self.note(self.wrapped, name, file)
        if PROGRAM.search(text) is None:
            return
        for call in ast.walk(tree(text)):
            name = called(call)
            if name:
                self.note(self.run, name, "%s:%d" % (file, getattr(call, "lineno", 0)))
                if name.lower() in self.subject:
                    self.note(self.wrapped, name, file)

    def note(self, programs: dict[str, str], name: str, place: str) -> None:
        """Keep a program that cannot be run."""
        if name not in programs and shutil.which(name, path=self.path) is None:
            programs[name] = place


def purpose(name: str, summary: str) -> list[str]:
    """Programs that a distribution may exist for: words of the summary of what calls itself a wrapper."""
    if WRAPS.search(summary) is None:
        return []
    bare = re.sub(r"^(?:python[-_]?|py)|(?:[-_]?python|[-_]py)$", "", name.lower())
    words = {word.lower() for word in re.findall(r"[A-Za-z][\w]{3,}", summary)}
    tools = TOOLS.search(summary) is not None
    return sorted(word for word in words if (word == bare and bare != name.lower()) or tools)


def parts(word: str) -> list[str]:
    """A word and what hyphens join in it, in small letters."""
    return [word.lower(), *word.lower().split("-")]


def called(call: Any) -> str | None:
    """The program that a call looks for or runs, where it is written out."""
    if not isinstance(call, ast.Call) or not call.args:
        return None
    name, words = reading.last_name(call), call.args[:1]
    if name in RUNS and isinstance(words[0], (ast.List, ast.Tuple)):
        words = words[0].elts
    elif name not in SEARCHES:
        return None
    values = [getattr(word, "value", getattr(word, "s", None)) for word in words[:2]]
    if values[:1] == ["which"]:
        values = values[1:]
    value = values[0] if values else None
    return value if isinstance(value, str) and re.match(r"[\w.+-]{2,}$", value) else None


def tree(text: str) -> ast.Module:
    """The tree of a source; an empty one where it cannot be read."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")
