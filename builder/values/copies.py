"""Files of the spec's folder that a plan puts into an environment: where each goes, whose it is, and what."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from envspec.spec.files import Copy
from envspec.spec.model import digest_of
from envspec.spec.part import Part

LARGE = 100 * 10**6
"""Bytes from which a copy is worth a line: a page of wheels weighs less."""


class CopiedFile(Part):
    """One file or link of a copy."""

    path: str
    """Where it goes: absolute, or below the folder that programs start in."""
    sha256: str = ""
    """Of a file's contents; empty for links."""
    size: int = 0
    """In bytes."""
    executable: bool = False
    link: str = ""
    """What a symbolic link leads to; empty for files."""
    source: str = Field(default="", exclude=True)
    """Where it stands below the spec's folder, on this machine."""


class PlannedCopy(Part):
    """One `[[copy]]` as it stands on disk now."""

    to: str
    """Folder or file that it becomes, without `/` at its end: absolute, or below programs' folder."""
    files: tuple[CopiedFile, ...]
    owner: str | None = None
    mode: str | None = None
    source: str = Field(default="", exclude=True)
    """As the spec has it."""
    left_out: tuple[str, ...] = Field(default=(), exclude=True)
    """What stays at home because it seems to hold secrets; folders end with `/`."""
    outputs: tuple[str, ...] = Field(default=(), exclude=True)
    """What stays at home because this tool wrote it."""
    ignored: int = Field(default=0, exclude=True)
    """How many files and folders stay at home because of `.gitignore` or `.dockerignore`."""

    @property
    def digest(self) -> str:
        """`sha256:...` over places, contents, owner and modes; not over where the files come from."""
        return digest_of(self.model_dump(mode="json"))

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.size for file in self.files)

    @property
    def absolute(self) -> bool:
        """Whether it goes to a place of the whole system, which only an image has."""
        return self.to.startswith("/")

    def file_mode(self, file: CopiedFile) -> int:
        """Permissions of one of its files."""
        if self.mode is not None:
            return int(self.mode, 8)
        return 0o755 if file.executable else 0o644

    @property
    def folder_mode(self) -> int:
        """Permissions of its folders: who may read its files may enter them."""
        if self.mode is None:
            return 0o755
        mode = int(self.mode, 8) & 0o777
        return mode | (mode & 0o444) >> 2


def goal_of(copy: Copy, name: str | None) -> str:
    """Where a copy goes, in its plain form; `name` is that of a single file, None for a folder."""
    into = copy.to.endswith("/") or posixpath.normpath(copy.to) == "."
    place = posixpath.normpath(f"{copy.to}/{name}" if name is not None and into else copy.to)
    return f"/{place.lstrip('/')}" if copy.to.startswith("/") else place


def within(folder: str, path: str) -> str:
    """The absolute place of a path that may be below `folder`, the one that programs start in."""
    return path if path.startswith("/") else posixpath.normpath(f"{folder}/{path}")


def copied_places(
    copies: Iterable[PlannedCopy], folder: str
) -> Iterator[tuple[str, PlannedCopy, CopiedFile]]:
    """Each file with its absolute place, in the order of the copies."""
    for copy in copies:
        for file in copy.files:
            yield within(folder, file.path), copy, file


def relative_files(copies: Iterable[PlannedCopy]) -> Mapping[str, tuple[PlannedCopy, CopiedFile]]:
    """What goes below the folder that programs start in, by its path there.

    Links to places of the whole system are left out: on another system they would lead to something else.
    """
    return {
        file.path: (copy, file)
        for copy in copies
        for file in copy.files
        if not file.path.startswith("/") and not file.link.startswith("/")
    }


def folders_above(paths: Iterable[str]) -> set[str]:
    """All folders above any of the paths, without the empty one and the root."""
    found: set[str] = set()
    for path in paths:
        above = posixpath.dirname(path)
        while above.strip("/") and above not in found:
            found.add(above)
            above = posixpath.dirname(above)
    return found
