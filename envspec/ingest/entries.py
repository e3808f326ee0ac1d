"""The entries of a structured file, and which of them a reader took: no other is ever lost in silence."""

from __future__ import annotations

import pathlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from envspec.spec.lines import Lines
from envspec.spec.load import spelled
from envspec.system.errors import Problem, SpecError
from envspec.system.reading import read_text

LIMIT = 1 << 20
"""Largest description in bytes; locks have their own."""

LOCK_LIMIT = 32 << 20
"""Largest lock of another tool in bytes."""

Path = tuple[str | int, ...]

_DEPTH = 64


class Entries:
    """The data of a file, with lines; what was taken is remembered, and the rest can be asked for."""

    def __init__(self, file: pathlib.Path, data: Any, line_of: Callable[[Path], int | None]) -> None:
        self.file = file
        self._data = data
        self._line_of = line_of
        self._taken: set[Path] = set()

    def line(self, *path: str | int) -> int | None:
        """1-based line where something stands."""
        return self._line_of(path)

    def get(self, *path: str | int) -> Any:
        """What stands there; None where nothing does."""
        found = self._data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def take(self, *path: str | int) -> Any:
        """The same, taken: whoever takes says what becomes of it."""
        self._taken.add(path)
        return self.get(*path)

    def text(self, *path: str | int) -> str:
        """The one word that stands there, taken; empty where there is none. Raises `SpecError`."""
        found = self.take(*path)
        if isinstance(found, bool):
            return str(found).lower()
        if isinstance(found, int | float):
            return str(found)
        return self._of(str, found, path, "must be one text") or ""

    def table(self, *path: str | int) -> Mapping[str, Any]:
        """The table that stands there, not taken; empty where there is none. Raises `SpecError`."""
        return self._of(dict, self.get(*path), path, "must be a table") or {}

    def row(self, *path: str | int) -> Mapping[str, Any]:
        """The table that stands there, taken whole; empty where something else does."""
        found = self.take(*path)
        return found if isinstance(found, dict) else {}

    def list(self, *path: str | int) -> list[Any]:
        """The list that stands there, not taken; empty where there is none. Raises `SpecError`."""
        return self._of(list, self.get(*path), path, "must be a list") or []

    def texts(self, *path: str | int) -> Iterator[tuple[str, int | None]]:
        """The texts of a list with their lines, each taken. Raises `SpecError`."""
        for number, entry in enumerate(self.list(*path)):
            place = (*path, number)
            self._taken.add(place)
            text = str(entry) if isinstance(entry, int | float) else entry
            yield self._of(str, text, place, "must be one text") or "", self.line(*place)

    def wrong(self, path: Path, message: str) -> SpecError:
        """The error that something there cannot be read."""
        problem = Problem(path=spelled(path), message=message, line=self.line(*path))
        return SpecError(str(self.file), (problem,))

    def size(self, *path: str | int) -> int:
        """How many single values stand there."""
        return leaves(self.get(*path))

    def rest(self, *top: str | int) -> Iterator[tuple[Path, int]]:
        """What nobody took, below `top`: each largest part of which nothing was taken, with its size."""
        touched = {path[:length] for path in self._taken for length in range(len(path) + 1)}
        waiting: list[Path] = [top]
        while waiting:
            path = waiting.pop()
            if path in self._taken:
                continue
            found = self.get(*path)
            if path in touched and isinstance(found, dict | list) and found:
                steps = list(found) if isinstance(found, dict) else list(range(len(found)))
                waiting += [(*path, step) for step in reversed(steps)]
            elif path and (size := leaves(found)):
                yield path, size

    def _of(self, kind: type, found: Any, path: Path, message: str) -> Any:
        if found is None or isinstance(found, kind):
            return found
        raise self.wrong(path, message)


def leaves(value: Any) -> int:
    """How many single values something holds; an empty table or list counts as one."""
    total, waiting = 0, [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict) and found:
            waiting += found.values()
        elif isinstance(found, list) and found:
            waiting += found
        elif found is not None:
            total += 1
    return total


def read_toml(file: pathlib.Path) -> Entries:
    """The entries of a TOML file. Raises `SpecError`."""
    text = read_text(file, LIMIT)
    lines = Lines(text)
    if lines.excess is not None:
        problem = Problem(
            path=spelled(lines.excess.path), message=lines.excess.message, line=lines.excess.line
        )
        raise SpecError(str(file), (problem,))
    return Entries(file, toml_data(file, text), lines.of)


def read_lock_data(file: pathlib.Path) -> dict[str, Any]:
    """The data of a lock in TOML. Raises `SpecError`."""
    return toml_data(file, read_text(file, LOCK_LIMIT))


def toml_data(file: pathlib.Path, text: str) -> dict[str, Any]:
    """The data of a text of TOML. Raises `SpecError`."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of more digits than Python converts is one
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SpecError(str(file), (Problem(path="", message=f"not TOML: {why}"),)) from error


def read_yaml(file: pathlib.Path, limit: int = LIMIT) -> Entries:
    """The entries of a YAML file, every word in it a text, as people wrote `3.10`.

    `limit` is the most bytes that it may have. Raises `SpecError`.
    """
    text = read_text(file, limit)
    lines: dict[Path, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        data = _Plain(file, lines).value(node, ()) if node is not None else {}
    except RecursionError as error:
        raise SpecError(str(file), (Problem(path="", message="no YAML: nested too deeply"),)) from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        message = " ".join(str(getattr(error, "problem", None) or error).split())
        raise SpecError(str(file), (Problem(path="", message=f"no YAML: {message}", line=line),)) from error
    return Entries(file, data, lambda path: _nearest(lines, path))


def _nearest(lines: Mapping[Path, int], path: Path) -> int | None:
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


class _Plain:
    """Nodes of YAML as plain data. What aliases repeat counts each time, up to a bound: no bomb goes off."""

    most = 100_000

    def __init__(self, file: pathlib.Path, lines: dict[Path, int]) -> None:
        self._file = file
        self._lines = lines
        self._left = self.most

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._left -= 1
        if self._left < 0 or len(path) > _DEPTH:
            why = "nested too deeply" if self._left >= 0 else "its aliases repeat too much"
            raise SpecError(str(self._file), (Problem(path="", message=f"no YAML: {why}"),))
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key, item in node.value:
                name = key.value if isinstance(key.value, str) else "?"
                self._lines[(*path, name)] = key.start_mark.line + 1
                value = self.value(item, (*path, name))
                if name == "<<" and isinstance(value, dict):
                    found = {**value, **found}
                else:
                    found[name] = value
            return found
        return node.value
