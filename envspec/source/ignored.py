"""What `.gitignore` and `.dockerignore` keep out of a copy: git's rules at every level, Docker's at the top.

Whether git tracks a file that a pattern names is not asked: a copy must not depend on an index.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
import re
import stat
from collections.abc import Iterator

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from envspec.system.reading import read_bytes

GIT = ".gitignore"
DOCKER = ".dockerignore"

_LARGEST = 1 << 20
"""Bytes of a file of patterns that is read."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _GitPattern:
    """One line of a `.gitignore`."""

    regex: re.Pattern[str]
    ignores: bool
    """False for a line with `!`."""
    folders_only: bool
    anchored: bool
    """Whether it is compared with a path; otherwise with a name at any depth."""

    def matches(self, path: str, is_folder: bool) -> bool:
        """Whether it names this very path, below the folder of its file, and not one above it."""
        if self.folders_only and not is_folder:
            return False
        found = self.regex.search(path if self.anchored else path.rpartition("/")[2])
        # What the library marks as a folder with something below it is a match of a folder above.
        return found is not None and found.groupdict().get("ps_d") is None


def _git_patterns(file: pathlib.Path) -> Iterator[_GitPattern]:
    for line in _lines(file):
        text = line if line.endswith("\\ ") else line.rstrip(" ")
        folders_only = text.endswith("/") and text.strip("!") != "/"
        try:
            pattern = GitIgnoreSpecPattern(text[:-1] if folders_only else text)
        except (ValueError, re.error):  # git passes over what is no pattern
            continue
        if pattern.include is None or pattern.regex is None:
            continue
        words = text.removeprefix("!").removesuffix("/") if folders_only else text.removeprefix("!")
        yield _GitPattern(
            regex=pattern.regex, ignores=pattern.include, folders_only=folders_only, anchored="/" in words
        )


def _lines(file: pathlib.Path) -> Iterator[str]:
    """Lines of a file of patterns; none where there is no such file. Git follows no link there."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return
    except OSError:
        return
    for line in os.fsdecode(read_bytes(file, _LARGEST).removeprefix(b"\xef\xbb\xbf")).split("\n"):
        yield line.removesuffix("\r")


class GitIgnore:
    """The `.gitignore` files that count in a folder: its own, those below, and those of the repository above.

    Source: gitignore(5). Without a repository the folder itself is the highest that is looked at.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._top = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)
        self._prefix = folder.relative_to(self._top).as_posix()
        self._patterns = functools.cache(lambda place: tuple(_git_patterns(self._top / place / GIT)))

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether a path below the folder is ignored, of which no folder above it is.

        Raises `SpecError` for a file of patterns that cannot be read.
        """
        whole = path if self._prefix == "." else f"{self._prefix}/{path}"
        place = whole
        while place:
            place = place.rpartition("/")[0]
            below = whole.removeprefix(f"{place}/") if place else whole
            for pattern in reversed(self._patterns(place)):
                if pattern.matches(below, is_folder):
                    return pattern.ignores
        return False


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _DockerPattern:
    """One line of a `.dockerignore`."""

    regex: re.Pattern[str]
    ignores: bool
    """False for a line with `!`."""


def _docker_patterns(file: pathlib.Path) -> Iterator[_DockerPattern]:
    for line in _lines(file):
        if line.startswith("#") or not (text := line.strip()):
            continue
        ignores = not text.startswith("!")
        text = os.path.normpath(text.removeprefix("!").strip() or ".")
        text = text.lstrip("/") or "/"
        if text == ".":  # names the whole, which Docker passes over
            continue
        try:
            yield _DockerPattern(regex=re.compile(_docker_regex(text), re.DOTALL), ignores=ignores)
        except re.error:
            continue


def _docker_regex(pattern: str) -> str:
    """The pattern of Go's `filepath.Match`, with Docker's `**`, as a regular expression for whole paths.

    Source: Docker's reference of `.dockerignore`, and the package patternmatcher of the engine.
    """
    found = ["\\A"]
    rest = pattern
    while rest:
        if rest.startswith("**"):
            rest = rest[2:].removeprefix("/")
            found.append("(?:.*/)?" if rest else ".*")
        elif rest[0] == "*":
            found.append("[^/]*")
            rest = rest[1:]
        elif rest[0] == "?":
            found.append("[^/]")
            rest = rest[1:]
        elif rest[0] == "[" and (end := _class_end(rest)):
            found.append(_class(rest[1 : end - 1]))
            rest = rest[end:]
        else:
            escaped = rest[0] == "\\" and len(rest) > 1
            found.append(re.escape(rest[1] if escaped else rest[0]))
            rest = rest[2 if escaped else 1 :]
    return "".join([*found, "\\Z"])


def _class_end(rest: str) -> int:
    """Where the class ends that `rest` begins with; 0 where it has no end."""
    place = rest.find("]", 2 if rest.startswith("[^") else 1)
    return place + 1 if place > 0 else 0


def _class(inside: str) -> str:
    """The class of characters with that between its brackets; nothing in it but `^` and `-` has a meaning."""
    negated = inside.startswith("^")
    plain = re.sub(r"\\(.)", r"\1", inside.removeprefix("^"), flags=re.DOTALL)
    escaped = re.sub(r"([^\w-])", r"\\\1", plain)
    return f"[{'^' if negated else ''}{escaped}]"


class DockerIgnore:
    """The `.dockerignore` of a folder: the last line that names a path, or a folder above it, counts.

    Source: Docker's reference of `.dockerignore`. What is named by itself, `start`, is there whatever the
    lines say of it and of what is above it; they count for what is below.
    """

    def __init__(self, folder: pathlib.Path, start: str = "") -> None:
        self._patterns = tuple(_docker_patterns(folder / DOCKER))
        self._start = "" if start == "." else start
        self.may_return = any(not pattern.ignores for pattern in self._patterns)
        """Whether something below an ignored folder may still go along."""

    def ignores(self, path: str) -> bool:
        """Whether a path below the folder is ignored."""
        parts = path.split("/")
        least = self._start.count("/") + 2 if self._start else 1
        names = ["/".join(parts[:count]) for count in range(least, len(parts) + 1)]
        ignored = False
        for pattern in self._patterns:
            if pattern.ignores != ignored and any(map(pattern.regex.match, names)):
                ignored = pattern.ignores
        return ignored


class Ignored:
    """What stays at home of a folder by both kinds of files; paths are below the one that `start` names."""

    def __init__(self, folder: pathlib.Path, start: str = ".") -> None:
        """`start` is below `folder`, whose `.dockerignore` counts. Raises `SpecError`."""
        self._start = "" if start == "." else start
        self._git = GitIgnore(folder.resolve())
        self._docker = DockerIgnore(folder, start)

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether a path is ignored, of which no folder above is ignored by git. Raises `SpecError`."""
        whole = f"{self._start}/{path}" if self._start else path
        return self._git.ignores(whole, is_folder=is_folder) or self._docker.ignores(whole)

    def prunes(self, path: str) -> bool:
        """Whether nothing below an ignored folder can go along. Raises `SpecError`."""
        whole = f"{self._start}/{path}" if self._start else path
        return not self._docker.may_return or self._git.ignores(whole, is_folder=True)
