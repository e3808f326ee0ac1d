"""The image that a Dockerfile makes, as far as a reader has come: files, variables and what is started."""

from __future__ import annotations

import dataclasses
import fnmatch
import pathlib
import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from envspec.ingest.drafting import Step

if TYPE_CHECKING:
    from envspec.ingest.docker.started import Saying


OWN = "app"
"""The user that every image of a spec has for its programs, and who stands for one that a build makes."""

_ENVIRONMENT = re.compile(r".*/\.?(?:venv|virtualenv)")
_INTERPRETER = re.compile(r"/usr/local/bin/python(?:3(?:\.\d+)?)?")
"""Where images of Python have theirs, which knows nothing of an environment's packages."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    """One place of the build's folder that the image has a copy of."""

    source: str
    """Below the build's folder; `.` is all of it."""
    goal: str
    """Absolute, in the image."""
    folder: bool
    """Whether the source is a folder, whose contents are copied."""


@dataclasses.dataclass(kw_only=True, slots=True)
class Image:
    """One build stage of a Dockerfile."""

    name: str
    base: str
    line: int
    parent: Image | None = None
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    unset: set[str] = dataclasses.field(default_factory=set)
    """Arguments without a value, which nobody gives one in a plain build."""
    workdir: str = "/"
    brought: list[Brought] = dataclasses.field(default_factory=list)
    steps: list[Step] = dataclasses.field(default_factory=list)
    picked: set[str] = dataclasses.field(default_factory=set)
    """Extras and groups of projects that are installed."""
    exports: list[tuple[str, tuple[str, ...]]] = dataclasses.field(default_factory=list)
    """Commands that write requirements of a project's lock: program and arguments."""
    environments: list[str] = dataclasses.field(default_factory=list)
    """Folders that packages are installed into: virtual environments, and those of `pip install --target`."""
    taken: list[Image] = dataclasses.field(default_factory=list)
    """Stages whose packages were copied into this one."""
    sayings: list[Saying] = dataclasses.field(default_factory=list)
    """What is said of the program that the image starts."""
    moved: bool = False
    """Whether a WORKDIR was said."""
    folders: set[str] = dataclasses.field(default_factory=set)
    """Folders that a WORKDIR makes."""
    copies: list[dict[str, str]] = dataclasses.field(default_factory=list)
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    apt: list[str] = dataclasses.field(default_factory=list)
    users: dict[str, str] = dataclasses.field(default_factory=dict)
    """Users that the build makes, with their numbers where it gives some."""

    def ancestors(self) -> list[Image]:
        """The stage and those that it begins with, the first one first."""
        chain: list[Image] = []
        image: Image | None = self
        while image is not None and image not in chain:
            chain.insert(0, image)
            image = image.parent
        return chain

    def whole(self) -> list[Image]:
        """Every stage that the image has something of, in the order in which it happens."""
        found: list[Image] = []
        waiting = [self]
        seen: set[int] = set()

        def visit(image: Image) -> None:
            if id(image) in seen:
                return
            seen.add(id(image))
            for ancestor in image.ancestors():
                for taken in ancestor.taken:
                    visit(taken)
                if ancestor not in found:
                    found.append(ancestor)

        for image in waiting:
            visit(image)
        return found

    def installs_into(self, path: str) -> bool:
        """Whether what stands at a path is packages that were installed there, or holds them."""
        wanted = self.absolute(path).rstrip("/") + "/"
        places = [f"{place}/" for image in self.whole() for place in image.environments]
        return any(place.startswith(wanted) or wanted.startswith(place) for place in places)

    def program(self, word: str) -> str:
        """A program by its name, where it is one of an environment that the image makes."""
        folder, _, name = word.rpartition("/bin/")
        made = any(folder == place for image in self.whole() for place in image.environments)
        if name and "/" not in name and (made or _ENVIRONMENT.fullmatch(folder)):
            return name
        return "python" if _INTERPRETER.fullmatch(word) else word

    def user(self, name: str) -> str | None:
        """The number of a user that the build makes, empty where it is open; None for one of the base."""
        made = {each: number for image in self.ancestors() for each, number in image.users.items()}
        return made.get(name)

    def owner(self, said: str) -> str | None:
        """What a copy calls its owner, given as `user` or `user:group`; None for what it cannot say."""
        name, _, group = said.partition(":")
        if not re.fullmatch(r"[a-z_][a-z0-9_-]*|\d+", name):
            return None
        made = self.user(name)
        name = name if made is None else made or OWN
        return f"{name}:{group}" if group.isdigit() and name != OWN else name

    def own(self, place: str, said: str) -> bool:
        """Give all that was copied to a place or below it to a user; whether there was anything."""
        owner = self.owner(said)
        below = [
            copy
            for stage in self.ancestors()
            for copy in stage.copies
            if f"{copy['to'].rstrip('/')}/".startswith(f"{place.rstrip('/')}/")
        ]
        for copy in below if owner else ():
            copy["owner"] = owner or ""
        return bool(below and owner)

    def absolute(self, path: str) -> str:
        """A path of the image, whatever folder it starts from."""
        return posixpath.normpath(posixpath.join(self.workdir, path))

    def original(self, path: str, folder: str | None = None) -> str | None:
        """What of the build's folder stands at a path of the image; None where nothing is known to."""
        return next(self.originals(path, folder), None)

    def originals(self, path: str, folder: str | None = None) -> Iterator[str]:
        """What may stand there, the last copy first: several folders may have been copied to one place."""
        wanted = posixpath.normpath(posixpath.join(folder or self.workdir, path))
        for stage in reversed(self.ancestors()):
            for brought in reversed(stage.brought):
                if (found := _within(wanted, brought)) is not None:
                    yield found

    def holds_folder(self, path: str) -> bool:
        """Whether a path of the image is known to be a folder: a copy of one file goes into it."""
        wanted = self.absolute(path).rstrip("/") + "/"
        for stage in self.ancestors():
            known = [*stage.folders, *(brought.goal for brought in stage.brought if brought.folder)]
            known += [posixpath.dirname(brought.goal) for brought in stage.brought if not brought.folder]
            if any(f"{place.rstrip('/')}/".startswith(wanted) for place in known):
                return True
        return False

    def contents(self, path: str) -> list[tuple[str, str]]:
        """What of the build's folder stands at a path of the image or below: each source, and where below."""
        wanted = self.absolute(path)
        if (whole := self.original(wanted)) is not None:
            return [(whole, "")]
        found = []
        for brought in (each for stage in self.ancestors() for each in stage.brought):
            name = "" if brought.folder else posixpath.basename(brought.source)
            place = posixpath.join(brought.goal, name) if brought.goal.endswith("/") else brought.goal
            if place.startswith(wanted.rstrip("/") + "/"):
                found.append((brought.source, posixpath.relpath(place, wanted)))
        return found


def _within(wanted: str, brought: Brought) -> str | None:
    if not brought.folder:
        name = posixpath.basename(brought.source)
        inside = posixpath.join(brought.goal, name) if brought.goal.endswith("/") else brought.goal
        return brought.source if wanted == posixpath.normpath(inside) else None
    goal = posixpath.normpath(brought.goal)
    if wanted == goal:
        return brought.source
    if wanted.startswith(goal.rstrip("/") + "/"):
        return posixpath.normpath(posixpath.join(brought.source, wanted[len(goal.rstrip("/")) + 1 :]))
    return None


MATCHES = 50
"""Files that one pattern of a COPY brings, as far as they are looked at."""


def matching(context: pathlib.Path, source: str) -> list[str]:
    """The places of the build's folder that a source of a COPY means; none where nothing is there."""
    bare = posixpath.normpath(source.lstrip("/") or ".")
    if bare.startswith(".."):
        return []
    try:
        if not any(character in bare for character in "*?["):
            return [bare] if (context / bare).exists() else []
        parent, _, pattern = bare.rpartition("/")
        if any(character in parent for character in "*?["):
            return []
        names = sorted(entry.name for entry in (context / parent).iterdir())
    except (OSError, ValueError):
        return []
    found = [name for name in names if fnmatch.fnmatch(name, pattern)]
    return [posixpath.join(parent, name) for name in found[:MATCHES]]


PACKAGES = (
    "site-packages",
    "dist-packages",
    "venv",
    ".local",
    "/install",
    "/usr/local",
    "conda",
    "wheel",
    "/opt",
)
"""Parts of paths under which Python's packages stand in images."""


def holds_packages(path: str) -> bool:
    """Whether what is copied from another stage may be its packages."""
    if path.rstrip("/") in {"", "/usr", "/app", "/root", "/code", "/home", "/src", "/build"}:
        return True
    below = path.endswith((".so", "/uv", "/uvx")) or (
        "/bin/" in path and "python" not in path and "venv" not in path
    )
    return not below and any(part in path for part in PACKAGES)
