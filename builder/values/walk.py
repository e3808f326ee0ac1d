"""What of a user's folder goes along when it is copied, by names and kinds alone, and what stays at home."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import stat
from collections.abc import Collection

from builder.values.outputs import is_lock, is_output_file, is_output_folder
from builder.values.secret_names import is_history, is_secret_name
from envspec.source.ignored import Ignored
from envspec.system.errors import THE_SPEC, OutsideError, Problem, SpecError

CACHES = {"__pycache__", ".venv", "venv", "node_modules", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
CACHES |= {".tox", ".nox", ".ipynb_checkpoints", ".hypothesis"}
"""Folders that tools make again; they stay at home without a word."""

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Walked:
    """A folder, walked through; paths are below it, `/` between their parts, in order."""

    files: tuple[str, ...]
    links: tuple[str, ...]
    """Symbolic links that go along as far as their names tell, to whatever they lead."""
    special: tuple[str, ...]
    """What is no file, folder or link, each with its kind: `run/server.sock: a socket`."""
    secrets: tuple[str, ...]
    """What seems to hold secrets by its name, and histories; folders end with `/`, not looked into."""
    outputs: tuple[str, ...]
    """What this tool wrote there, but for locks; folders end with `/`."""
    ignored: tuple[str, ...]
    """What `.gitignore` and `.dockerignore` name; folders end with `/`."""


class _Walk:
    def __init__(
        self, top: pathlib.Path, rules: Ignored | None, named: Collection[str], most: int, place: str
    ) -> None:
        self._top = top
        self._rules = rules
        self._named = frozenset(named)
        self._above = frozenset(up for path in named for up in _parents(path))
        self._most = most
        self._place = place
        self._count = 0
        self.found: dict[str, list[str]] = {field.name: [] for field in dataclasses.fields(Walked)}

    def folder(self, below: str, *, lifted: bool, only: bool = False) -> None:
        """Go through a folder: `lifted`, no rule counts there; `only`, what is named alone goes along."""
        try:
            with os.scandir(self._top / below) as entries:
                found = sorted((entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries)
        except OSError as error:
            raise OutsideError(f"{error.filename} cannot be read: {error.strerror}") from error
        for name, mode in found:
            path = f"{below}/{name}" if below else name
            refuse_foreign_name(path, self._place)
            if not only or path in self._named or path in self._above:
                self._one(path, mode, lifted=lifted or path in self._named, only=only)

    def _one(self, path: str, mode: int, *, lifted: bool, only: bool) -> None:
        folder, named = stat.S_ISDIR(mode), path in self._named
        why = None if named else self._stays(path, mode, lifted=lifted)
        if why is not None:
            returns = why == "ignored" and folder and self._rules is not None and not self._rules.prunes(path)
            if why and not returns:
                self.found[why].append(f"{path}/" if folder else path)
            if returns or (folder and path in self._above):
                self.folder(path, lifted=lifted, only=only or not returns)
        elif folder:
            self.folder(path, lifted=lifted, only=only and not named)
        elif stat.S_ISLNK(mode):
            self._add("links", path)
        elif stat.S_ISREG(mode):
            self._add("files", path)
        else:
            self.found["special"].append(f"{path}: {_KINDS.get(stat.S_IFMT(mode), 'no file')}")

    def _stays(self, path: str, mode: int, *, lifted: bool) -> str | None:
        """Among what a path stays at home; empty where nobody has to know, None where it goes along."""
        name, folder = path.rpartition("/")[2], stat.S_ISDIR(mode)
        if is_secret_name(path) or is_history(path) or self._leads_to_secret(path, mode):
            return "secrets"
        if (name in CACHES) if folder else (name.endswith(".pyc") or is_lock(name)):
            return ""
        if self._rules is not None and not lifted and self._rules.ignores(path, is_folder=folder):
            return "ignored"
        place = self._top / path
        if is_output_folder(place) if folder else stat.S_ISREG(mode) and is_output_file(place):
            return "outputs"
        return None

    def _add(self, kind: str, path: str) -> None:
        self.found[kind].append(path)
        self._count += 1
        if self._count > self._most:
            raise SpecError(
                THE_SPEC,
                (Problem(path=self._place, message=f"{self._top} holds more than {self._most:,} files"),),
                hint="name a folder below it, or leave files out with .dockerignore or .gitignore",
            )

    def _leads_to_secret(self, path: str, mode: int) -> bool:
        return stat.S_ISLNK(mode) and leads_to_secret(self._top, path)


def walk_folder(
    top: pathlib.Path, rules: Ignored | None, *, named: Collection[str], most: int, place: str
) -> Walked:
    """Walk through a folder. What is `named` goes along, whatever its name and the rules say of it.

    Without `rules` nothing is ignored.

    A named folder lifts the rules for all below it, but not the rule on secrets. `place` is the key of the
    spec that names the folder. Raises `SpecError` for more than `most` files and for a name that is no UTF-8,
    `OutsideError` for a folder that cannot be read.
    """
    walk = _Walk(top, rules, named, most, place)
    walk.folder("", lifted="." in named)
    return Walked(**{kind: tuple(sorted(paths)) for kind, paths in walk.found.items()})


def _parents(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def leads_to_secret(top: pathlib.Path, path: str) -> bool:
    """Whether a link below a folder leads to a file that holds secrets by its name."""
    try:
        place = (top / path).resolve()
    except (OSError, RuntimeError):  # a loop
        return False
    return is_secret_name(place.relative_to(top).as_posix() if place.is_relative_to(top) else str(place))


def refuse_foreign_name(path: str, place: str) -> None:
    """Raise `SpecError` for a path that is no UTF-8; `place` is the key of the spec that leads there."""
    try:
        path.encode()
    except UnicodeEncodeError:
        message = f"the name {path!r} is no UTF-8: rename it"
        raise SpecError(THE_SPEC, (Problem(path=place, message=message),)) from None
