"""Which lines of a module run when users call what its package exports."""

from __future__ import annotations

import ast
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CONSTRUCTORS = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__")

BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where statements hold others, or what does."""


class Map:
    """The functions of one module by the calls between them, and those that `root` makes public."""

    def __init__(self, path: str, module: str, root: Any) -> None:
        self.spans = []  # type: list[tuple[int, int, str]]
        self.calls = {}  # type: dict[str, set[str]]
        try:
            with open(path, "rb") as stream:
                tree = ast.parse(stream.read())
        except (OSError, SyntaxError, ValueError):
            tree = ast.Module(body=[], type_ignores=[])
        self.gather(tree.body, "")
        constructors, functions = exported(root, module)
        self.reached = {"constructor": self.closure(constructors), "function": self.closure(functions)}

    def gather(self, body: list[Any], prefix: str) -> None:
        """Functions and methods with their lines and what they call."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = prefix + node.name
                self.spans.append((node.lineno, last_line(node), name))
                self.calls[name] = called(node, prefix)
            elif isinstance(node, ast.ClassDef):
                self.gather(node.body, prefix + node.name + ".")
            else:
                for field in BLOCKS:
                    self.gather(getattr(node, field, []), prefix)

    def closure(self, names: set[str]) -> set[str]:
        """These functions and all of this module that they call."""
        known = set()  # type: set[str]
        todo = list(names)
        while todo:
            name = todo.pop()
            for each in (name, *(name + "." + word for word in CONSTRUCTORS)):
                if each in self.calls and each not in known:
                    known.add(each)
                    todo.extend(self.calls[each])
        return known

    def reach(self, line: int) -> str:
        """`import` for a line outside of functions, else `constructor`, `function`, or nothing."""
        around = [name for first, last, name in self.spans if first <= line <= last]
        if not around:
            return "import"
        for kind, reached in self.reached.items():
            if any(name in reached for name in around):
                return kind
        return ""


def last_line(node: Any) -> int:
    """The last line of a function."""
    return max(getattr(each, "lineno", 0) for each in ast.walk(node))


def called(function: Any, prefix: str) -> set[str]:
    """Names that a function calls: of its module, or of its own class through its first argument."""
    found = set()
    own = function.args.args[0].arg if prefix and function.args.args else None
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                found.add(
                    (prefix if node.func.value.id == own else node.func.value.id + ".") + node.func.attr
                )
    return found


def exported(root: Any, module: str) -> tuple[set[str], set[str]]:
    """Constructors and functions of `module` that run through public names of the root."""
    constructors = set()  # type: set[str]
    functions = set()  # type: set[str]
    for name, value in list(vars(root).items()):
        # The type, not isinstance: lazy stand-ins answer for what they stand for, and load it.
        if name.startswith("_"):
            continue
        if issubclass(type(value), type):
            for kind in value.__mro__:
                if kind.__module__ == module:
                    constructors.update(kind.__qualname__ + "." + word for word in CONSTRUCTORS)
        elif type(value) is types.FunctionType and value.__module__ == module:
            functions.add(value.__qualname__)
    return constructors, functions
