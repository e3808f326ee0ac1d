"""Edits of a spec's text that keep its comments and order, and what is needed to choose them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import tomlkit
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envspec.resolve.refusal import takes, version_of
from envspec.spec.pins import pinned
from envspec.spec.python import FREE_THREADED
from envspec.spec.target import Target
from envspec.spec.words import source_word
from envspec.supply.page import RemoteFile


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """Hold a package at a version: its requirement is rewritten, or one is added to a stage."""

    name: str
    """Canonical."""
    version: str
    stage: str
    """Where it is added when no stage names it yet."""
    why: str

    @property
    def short(self) -> str:
        """Without the reason."""
        return f"{self.name}=={self.version}"

    def __str__(self) -> str:
        return f"{self.short}: {self.why}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class AsOf:
    """Resolve as the index stood then."""

    date: dt.date
    why: str

    @property
    def short(self) -> str:
        """Without the reason."""
        return f"as-of {self.date}"

    def __str__(self) -> str:
        return f"{self.short}: {self.why}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """Take another minor version of Python, in the base's name too."""

    version: str
    why: str

    @property
    def short(self) -> str:
        """Without the reason."""
        return f"python {self.version}"

    def __str__(self) -> str:
        return f"{self.short}: {self.why}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Apt:
    """Add Debian packages to the base."""

    packages: tuple[str, ...]
    why: str

    @property
    def short(self) -> str:
        """Without the reason."""
        return f"apt {', '.join(self.packages)}"

    def __str__(self) -> str:
        return f"{self.short}: {self.why}"


Edit = Pin | AsOf | Python | Apt


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The spec's text with the edits made, everything else as it was."""
    document = tomlkit.parse(text)
    for edit in edits:
        match edit:
            case Pin():
                _pin(document, edit)
            case AsOf():
                _put(document, "as-of", tomlkit.date(edit.date.isoformat()))
            case Python():
                _python(document, edit.version)
            case Apt():
                _apt(document, edit.packages)
    return tomlkit.dumps(document)


def loosened(text: str, keep: Container[str]) -> str:
    """The spec's text without its exact pins, but for those of packages in `keep`.

    A pin of an unfinished version stays open to such.
    """
    document = tomlkit.parse(text)
    for install, position, requirement in _words(document):
        exact = pinned(requirement)
        if exact is not None and canonicalize_name(requirement.name) not in keep:
            open_to = ">=0.dev0" if Version(exact).is_prerelease else ""
            requirement.specifier = SpecifierSet(open_to)
            install[position] = str(requirement)
    return tomlkit.dumps(document)


def _words(document: tomlkit.TOMLDocument) -> Iterator[tuple[Any, int, Requirement]]:
    """The words of all stages that name packages of an index, each with its list and its place in it."""
    for stage in document["stage"]:
        for position, text in enumerate(stage.get("install", ())):
            if source_word(text) is None:
                yield stage["install"], position, Requirement(text)


def difference(before: str, after: str, name: str) -> str:
    """A unified diff for people."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, f"{name} (fixed)")
    return "".join(lines)


def _pin(document: tomlkit.TOMLDocument, edit: Pin) -> None:
    """Rewrite each requirement that excludes the version, or else the first; add one where there is none."""
    named = [entry for entry in _words(document) if canonicalize_name(entry[2].name) == edit.name]
    excluding = [entry for entry in named if not entry[2].specifier.contains(edit.version, prereleases=True)]
    for install, position, requirement in excluding or named[:1]:
        requirement.specifier = SpecifierSet(f"=={edit.version}")
        install[position] = str(requirement)
    if not named:
        wanted = next(stage for stage in document["stage"] if stage["name"] == edit.stage)
        wanted.setdefault("install", tomlkit.array()).append(f"{edit.name}=={edit.version}")


def _python(document: tomlkit.TOMLDocument, version: str) -> None:
    before = str(document["python"])
    document["python"] = version
    base = document.get("base", {})
    if "image" in base:
        image = str(base["image"]).partition("@")[0]
        base["image"] = re.sub(rf"(?<![\d.]){re.escape(before)}(?![\d])", version, image)


def _apt(document: tomlkit.TOMLDocument, packages: Iterable[str]) -> None:
    if "base" not in document:
        document["base"] = tomlkit.table()
    listed = document["base"].setdefault("apt", tomlkit.array())
    for package in packages:
        if package not in listed:
            listed.append(package)


def _put(document: tomlkit.TOMLDocument, key: str, value: object) -> None:
    """Set a top-level key; a new one stands right behind `python`."""
    if key in document:
        document[key] = value
        return
    position = next((number for number, (name, _) in enumerate(document.body) if name == "python"), 0)
    document._insert_at(position + 1, key, tomlkit.item(value))  # tomlkit has no public way


def mentioned(said: str, name: str) -> SpecifierSet:
    """All that a solver's explanation demands of a package, but for exact pins."""
    found = re.findall(rf"(?<![\w.-]){re.escape(name)}((?:[<>]=?|!=|~=)[\w.]+(?:,[<>!~]=?[\w.]+)*)", said)
    demands = SpecifierSet()
    for text in found:
        try:
            demands &= SpecifierSet(text)
        except InvalidSpecifier:
            continue
    return demands


def nearest(files: Sequence[RemoteFile], exact: str, demands: SpecifierSet, target: Target) -> str | None:
    """The version nearest to the pin that meets the demands and runs on the target; newer before older.

    Wheels alone count where there are any: building takes minutes.
    """
    offered = [
        (version, file.file.endswith(".whl"))
        for file in files
        if (version := version_of(file)) is not None
        and file.yanked is None
        and not version.is_prerelease
        and demands.contains(version)
        and takes(file, target)
    ]
    wheels = any(wheel for _, wheel in offered)
    fitting = sorted({version for version, wheel in offered if wheel or not wheels})
    here = Version(exact)
    newer = [version for version in fitting if version > here]
    older = [version for version in fitting if version < here]
    best = newer[:1] or older[-1:]
    return str(best[0]) if best else None


def other_python(files: Iterable[RemoteFile], target: Target) -> str | None:
    """The Python nearest to the target's for which there is a wheel; None when no other helps."""
    minor, threads = target.version[1], "t" * target.free_threaded
    oldest = FREE_THREADED[1] if threads else 8
    offered = [
        other
        for other in sorted(range(oldest, 16), key=lambda other: (abs(other - minor), -other))
        if any(
            dataclasses.replace(target, python=f"3.{other}{threads}").rank(file.file) is not None
            for file in files
            if file.file.endswith(".whl")
        )
    ]
    return f"3.{offered[0]}{threads}" if offered else None
