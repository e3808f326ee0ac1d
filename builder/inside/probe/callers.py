"""Which functions of a distribution may call a function, by their names: from a line back to its users."""

from __future__ import annotations

import ast
import re
import time

from . import asides, confirming

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEEP = 8
"""Calls between a line and what users call, at most."""
MOST = 150
"""Names that are followed: a name that everything has leads everywhere."""
READING = 3.0
"""Seconds of processor time for reading the functions of one distribution."""
WIDE = 25
"""Functions that mention a name, above which it tells nothing."""
CONSTRUCTORS = ("__init__", "__new__", "__post_init__")


class Callers:
    """The functions of a distribution's files [[module, path, is package]], read as far as it is asked."""

    def __init__(self, files: list[list[Any]]) -> None:
        self.until = time.process_time() + READING
        self.texts = {}  # type: dict[str, str]
        self.functions = {}  # type: dict[str, list[tuple[str, set[str], int, int]]]
        for module, path, is_package in files:
            if not asides.is_foreign_or_test(module, is_package):
                self.texts[path] = confirming.source(path) or ""

    def around(self, path: str, line: int) -> list[str]:
        """Names under which the function is called that a line stands in; its class's for a constructor."""
        holders = [each for each in self.read(path) if each[2] <= line <= each[3]]
        if not holders:
            return []
        # The outermost function is what is called; what stands inside of it runs with it.
        return called_as(holders[0][0])

    def distances(self, path: str, line: int, kind: str = "") -> dict[str, int]:
        """By the name of a function or class, how many calls it is away from the function around a line.

        `kind` names a class to begin at instead.
        """
        found = dict.fromkeys([kind] if kind else self.around(path, line), 0)
        newest = list(found)
        for depth in range(1, DEEP + 1):
            callers = [called_as(function) for name in newest for function in self.mentioning(name)]
            newest = list(dict.fromkeys(name for names in callers for name in names if name not in found))
            found.update((name, depth) for name in newest)
            if not newest or len(found) > MOST:
                break
        return found

    def mentioning(self, name: str) -> list[str]:
        """The functions that call or hand on something of this name; none for a name that is common."""
        word = re.compile(r"(?<![\w])%s(?!\w)" % re.escape(name))
        found = []
        for path, text in self.texts.items():
            if time.process_time() > self.until:
                break
            if name in text and word.search(text) is not None:
                found += [function for function, names, _, _ in self.read(path) if name in names]
        return found if len(found) <= WIDE else []

    def read(self, path: str) -> list[tuple[str, set[str], int, int]]:
        """The functions of a file: name with class, names that are mentioned, first and last line."""
        if path not in self.functions:
            self.functions[path] = []
            tree = confirming.parse(self.texts.get(path, ""))
            if tree is not None:
                self.gather(tree.body, "", self.functions[path])
        return self.functions[path]

    def gather(self, body: list[Any], prefix: str, found: list[tuple[str, set[str], int, int]]) -> None:
        """The functions of statements, those in classes and below conditions included."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inside = list(ast.walk(node))
                last = max(getattr(each, "lineno", 0) for each in inside)
                found.append((prefix + node.name, mentioned(inside), node.lineno, last))
            elif isinstance(node, ast.ClassDef):
                self.gather(node.body, prefix + node.name + ".", found)
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                self.gather(node.body, prefix, found)
                self.gather(getattr(node, "orelse", []), prefix, found)


def mentioned(nodes: list[Any]) -> set[str]:
    """Names that are read, of variables and of attributes."""
    names = {each.id for each in nodes if isinstance(each, ast.Name)}
    return names | {each.attr for each in nodes if isinstance(each, ast.Attribute)}


def called_as(function: str) -> list[str]:
    """The name by which a function is called: that of its class, if it constructs one."""
    *outer, name = function.split(".")
    return outer[-1:] if outer and name in CONSTRUCTORS else [name]
