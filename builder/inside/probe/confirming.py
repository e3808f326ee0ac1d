"""Confirms by importing that a module fails as it is said to, and what fails with it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import warnings

from . import asides, child, importing, naming, reading, screening
from .worker import limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGE = 600_000
"""Bytes above which a file is generated data rather than code."""


class Confirmation:
    """Imports a module in a process of its own, to see whether it fails as it is said to."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout

    def confirm(self, candidate: dict[str, Any]) -> bool:
        """Whether the import fails where and as it should, or, for uses in functions, succeeds."""
        answers = []  # type: list[Any]
        child.step(
            lambda: attempt(candidate["module"], candidate["path"]),
            timeout=self.timeout,
            tell=lambda result: answers.append(result.get("value")),
        )
        answer = answers[0] if answers else None
        if answer is None:
            return False
        candidate["as"] = answer["as"]
        if candidate["deep"]:
            return bool(answer["ok"])
        # A module's own `__getattr__` may stand between the use and the error.
        near = [os.path.realpath(file) for file in answer["files"][-3:]]
        return os.path.realpath(candidate["path"]) in near and last_part(candidate) in answer["message"]


def last_part(candidate: dict[str, Any]) -> str:
    """The name that is missing, without its module."""
    return str(candidate["name"]).rpartition(".")[2]


def attempt(module: str, path: str = "") -> dict[str, Any]:
    """Import a module, by the name under which its file is served, and say how that went."""
    limit(60.0)
    warnings.simplefilter("ignore")
    if path and "." in module and importlib.util.find_spec(module.partition(".")[0]) is not None:
        module = naming.other_name(module) or module
    told = tried(module)
    return dict(told, **{"as": module})


def tried(module: str) -> dict[str, Any]:
    """How the import of a module goes, by exactly this name."""
    try:
        importlib.import_module(module)
    except BaseException as error:
        told = importing.describe(error)
        told = told.get("root") or told
        return {"ok": False, "files": [frame[0] for frame in told["frames"]], "message": told["message"]}
    return {"ok": True, "files": [], "message": ""}


def taken_down(module: str, files: list[list[Any]], prefix: str = "") -> tuple[set[str], int]:
    """The modules of a distribution that import a module, directly or not, and how many there are in all.

    `prefix` is what the names of its files have before those by which they are imported. Copies of other
    projects are none of its modules, but one may import another by way of them.
    """
    needs = {}  # type: dict[str, set[str]]
    own = set()  # type: set[str]
    for name, path, is_package in files:
        foreign = asides.is_foreign_or_test(name, is_package)
        if not foreign:
            own.add(name)
        if not foreign or asides.is_copied(name, is_package):
            package = name if is_package else name.rpartition(".")[0]
            wanted = screening.imported(source(path) or "", package)
            wanted |= {prefix + each for each in wanted} if prefix else set()
            needs[name] = wanted & {each[0] for each in files}
    taken = {module}
    grown = True
    while grown:
        more = {name for name, wanted in needs.items() if name not in taken and wanted & taken}
        grown = bool(more)
        taken |= more
    return taken & own, len(own)


def used_in(taken: set[str], files: list[list[Any]], prefix: str = "") -> bool:
    """Whether a function imports one of these modules, with nothing around that would take the failure."""
    words = {name.rpartition(".")[2] for name in taken}
    for name, path, is_package in files:
        text = source(path) or ""
        if name in taken or asides.is_foreign_or_test(name, is_package) or not any(w in text for w in words):
            continue
        package = name if is_package else name.rpartition(".")[0]
        reader = reading.SourceReader(package, lambda chain: leads_into(chain, taken, prefix))
        tree = parse(text)
        if tree is not None:
            reader.read_module(tree)
        if any(use.kind == "import" and use.deep for use in reader.uses):
            return True
    return False


def leads_into(chain: tuple[str, ...], modules: set[str], prefix: str) -> bool:
    """Whether a dotted path is one of these modules, or something in one."""
    return any(prefix + ".".join(chain[:depth]) in modules for depth in range(1, len(chain) + 1))


def source(path: str) -> str | None:
    """The text of a file that is no generated giant."""
    try:
        if os.path.getsize(path) > LARGE:
            return None
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def parse(text: str) -> ast.Module | None:
    """The tree of a source."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
