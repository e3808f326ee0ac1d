"""The lock: every artifact of every stage, by name, version, file name, sha256 and size.

It holds index *names*, never hosts, so it works with any mirror; it holds no dates, so equal inputs give
equal bytes.
"""

from __future__ import annotations

import os
import pathlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

import pydantic
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion
from packaging.version import Version as ParsedVersion
from pydantic import AfterValidator, Field, StringConstraints

from envspec.spec.lines import Lines
from envspec.spec.model import FILE_NAME, Spec, digest_of
from envspec.spec.part import Part
from envspec.spec.target import Target
from envspec.spec.types import (
    AptPackage,
    ImageName,
    Machine,
    Name,
    PythonLine,
    RelativePath,
    Sha256,
    Suite,
)
from envspec.system.errors import Problem, SpecError
from envspec.system.home import write_atomic
from envspec.system.quoting import shortened
from envspec.system.reading import read_text

VERSION: Final = 1
"""Version of the lock's format. A reader refuses others."""

DEFAULT_INDEX = "default"
"""Name of whatever index the machine's own pip is set up for."""

SPEC_WHEEL = "spec"
"""Where an artifact comes from whose address or path stands in the spec itself."""

LIMIT = 8 << 20
"""Largest lock in bytes that is read: room for some 30,000 artifacts."""

_ANEW = "take the one before from your version control, or delete it: `envspec lock` makes it anew"
"""It is read before it is made anew: what it holds stays."""

HEADER = "This lock is made by `envspec lock`; edit the spec instead, then run it again."

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+!-]*$", max_length=255)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


def _version(text: str) -> str:
    try:
        ParsedVersion(text)
    except InvalidVersion as error:
        raise ValueError(f"{text!r} is no version") from error
    return text


Version = Annotated[str, AfterValidator(_version)]


RequirementPin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+$")]


class File(Part):
    """One file, known by its content."""

    file: FileName
    sha256: Sha256
    size: Annotated[int, Field(ge=0)] = 0
    """In bytes; 0 where the lock was kept from one that does not tell it, and no index could be asked."""


class Artifact(File):
    """What one package of the environment comes from.

    A source distribution without a wheel is open: it could not be built where its lock was kept, and is built
    when a run needs it.
    """

    name: Name
    """Canonical name of the package."""
    version: Version
    stage: Name
    index: Name
    """Name of the index it came from: one of the spec's, `default`, or `spec` for a wheel the spec lists."""
    wheel: File | None = None
    """The wheel built from it, when it is a source distribution."""

    @property
    def installed(self) -> File:
        """The wheel that is installed: the artifact itself, or the one built from it."""
        return self.wheel or self

    @property
    def open(self) -> bool:
        """Whether its wheel, or its size, is not known yet."""
        return not self.installed.file.endswith(".whl") or not self.size

    @pydantic.model_validator(mode="after")
    def _installs_a_wheel(self) -> Self:
        if self.file.endswith(".whl") or self.wheel is not None:
            try:
                parse_wheel_filename(self.installed.file)
            except InvalidWheelFilename as error:
                raise ValueError(f"{self.installed.file!r} is not the name of a wheel") from error
        return self


class LockedSource(Part):
    """One source of the spec, as far as a lock holds it: the spec has its address, the lock what it was.

    A tree is edited all day, so that a lock holds what it requires and nothing else of it; its contents are
    bound to the lock when a run begins. All other sources are artifacts, held by their contents.
    """

    name: Name
    """Canonical name of the package that it is."""
    stage: Name
    """The first stage that needs it."""
    at: Annotated[str, StringConstraints(pattern=r"^(stage\[\d{1,3}\]\.install\[\d{1,4}\])?$")] = ""
    """Key path of its word; empty for a member of a workspace that no word names."""
    path: RelativePath | None = None
    """Of a tree: its folder, below the spec's."""
    requires: Digest | None = None
    """Of a tree: digest of its name, of what it requires, of which Python, and of what builds it; None for
    one that could not be built where its lock was kept."""
    commit: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")] | None = None
    """Of git: the commit."""
    word: Digest | None = None
    """Of git: digest of the repository's address and the revision that named the commit: while both stay, a
    new lock keeps it."""
    tools: tuple[RequirementPin, ...] = ()
    """What it is built with, in exact versions; empty for what needs no building."""

    @pydantic.model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.path is None and self.requires is not None:
            raise ValueError(f"source {self.name} is no tree")
        if self.path is not None and self.commit is not None:
            raise ValueError(f"source {self.name} is neither a tree nor anything else")
        if not self.at and self.path is None:
            raise ValueError(f"source {self.name} stands nowhere in the spec")
        return self


class DebianPackage(File):
    """One Debian package of a base."""

    name: AptPackage
    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+:~-]+$")]
    path: Annotated[str, StringConstraints(pattern=r"^pool/[A-Za-z0-9._+~/%-]+$")]
    """Below an archive's root; no host."""


class LockedArchive(Part):
    """An image on disk, held still."""

    path: RelativePath
    """Below the spec's folder."""
    sha256: Sha256
    """Of the file; of `index.json` for a layout, which names everything else by its digest."""


class LockedBase(Part):
    """What the environment stands on, as far as it could be told when the lock was made."""

    image: ImageName | None = None
    digest: Digest | None = None
    """Digest of the image, when an engine could tell it."""
    archive: LockedArchive | None = None
    debian: Suite | None = None
    host: bool = False
    apt: tuple[AptPackage, ...] = ()
    packages: tuple[DebianPackage, ...] = ()
    """Every Debian package of a `debian` base, by name, where an archive could tell them."""


class LockedModel(Part):
    """One model that travels with the payload."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][\w.-]*/[A-Za-z0-9_][\w.-]*$")]
    """`owner/name`: where it stands among the models of an image."""
    digest: Digest
    """Over the paths and contents of its files."""
    size: Annotated[int, Field(ge=0)]
    """Of its files together, in bytes."""


class Lock(Part):
    """All that a spec needs, held still."""

    version: Literal[1] = 1
    name: Name
    spec: Digest
    """Digest of the spec it was made from, variant included."""
    variant: Name | None = None
    resolver: Name
    python: PythonLine
    patch: Annotated[int, Field(ge=0)] | None = None
    """The one release of that line that is wanted; None where every one will do."""
    machine: Machine
    glibc: tuple[int, int] | None = None
    """Version of the C library; a base that stands on another has None here, and its version there."""
    musl: tuple[int, int] | None = None
    base: LockedBase
    stages: tuple[Name, ...]
    """Names of the stages in install order."""
    removed: tuple[Name, ...] = ()
    """Packages of the solution that the spec keeps out."""
    build: tuple[DebianPackage, ...] = ()
    """Debian packages that sources are built with, by name, beside those of the base; no image has them."""
    models: tuple[LockedModel, ...] = ()
    """In the spec's order."""
    source: tuple[LockedSource, ...] = ()
    """What comes from the spec's own words rather than an index; by name."""
    artifact: tuple[Artifact, ...] = ()
    """By stage, then name. Wheels of trees are among them once they are bound, and never in a file."""

    @pydantic.model_validator(mode="after")
    def _whole(self) -> Self:
        """What a merge of two locks by hand would break."""
        if "artifact" not in self.model_fields_set and not self.source:
            raise ValueError("it has neither artifacts nor sources")
        times = Counter(artifact.name for artifact in self.artifact)
        if twice := sorted(name for name, count in times.items() if count > 1):
            raise ValueError(f"{twice[0]} is locked more than once")
        stages = set(self.stages)
        placed = {entry.stage for entry in self.artifact} | {source.stage for source in self.source}
        if lost := sorted(placed - stages):
            raise ValueError(f"stage {lost[0]} has artifacts and is none of its stages")
        named = Counter(source.name for source in self.source)
        if twice := sorted(name for name, count in named.items() if count > 1):
            raise ValueError(f"source {twice[0]} is locked more than once")
        if (self.glibc is None) == (self.musl is None):
            raise ValueError("it has one of glibc and musl: the version of the C library")
        return self

    @property
    def target(self) -> Target:
        """What the artifacts were chosen for."""
        return Target(
            python=self.python, machine=self.machine, glibc=self.glibc, musl=self.musl, patch=self.patch
        )

    @property
    def pins(self) -> dict[str, str]:
        """Version of every locked package by canonical name."""
        return {artifact.name: artifact.version for artifact in self.artifact}

    @property
    def digest(self) -> str:
        """`sha256:...` over what its file holds, of which the contents of trees are no part."""
        body = self.unbound.model_dump(mode="json", exclude_none=True)
        return digest_of(
            {key: value for key, value in body.items() if key not in {"build", "models", "source"} or value}
        )

    @property
    def trees(self) -> tuple[LockedSource, ...]:
        """The sources whose contents no file of a lock holds."""
        return tuple(source for source in self.source if source.path is not None)

    @property
    def gaps(self) -> frozenset[str]:
        """Names of what is held and not built or fetched yet: a run that needs it closes the gaps."""
        have = {entry.name for entry in self.artifact}
        lacking = {
            source.name
            for source in self.source
            if (source.requires is None if source.path is not None else source.name not in have)
        }
        return frozenset(lacking | {entry.name for entry in self.artifact if entry.open})

    def asked(self, spec: Spec) -> dict[str, Requirement]:
        """What the words that are sources ask for, as requirements by name, by their key paths."""
        words = spec.sources
        return {each.at: words[each.at][1].requirement(each.name) for each in self.source if each.at in words}

    @property
    def unbound(self) -> Lock:
        """The lock as it stands in its file: without the wheels of trees."""
        own = {source.name for source in self.trees}
        return self.model_copy(
            update={"artifact": tuple(entry for entry in self.artifact if entry.name not in own)}
        )

    def bound(self, wheels: Mapping[str, Artifact]) -> Lock:
        """The lock with the wheels of all its trees, by name."""
        order = {stage: number for number, stage in enumerate(self.stages)}
        own = [wheels[source.name].model_copy(update={"stage": source.stage}) for source in self.trees]
        whole = sorted((*self.unbound.artifact, *own), key=lambda entry: (order[entry.stage], entry.name))
        return self.model_copy(update={"artifact": tuple(whole)})

    def by_stage(self) -> Iterator[tuple[str, tuple[Artifact, ...]]]:
        """Each stage with its artifacts, in install order."""
        held: dict[str, list[Artifact]] = {stage: [] for stage in self.stages}
        for artifact in self.artifact:
            held[artifact.stage].append(artifact)
        for stage in self.stages:
            yield stage, tuple(held[stage])

    def fits(self, spec: Spec) -> bool:
        """Whether the lock was made from this spec."""
        return self.spec == spec.digest


def lock_file(spec_file: pathlib.Path, variant: str | None) -> pathlib.Path:
    """Where the lock of that spec and variant stands: beside the spec."""
    stem = spec_file.name.removesuffix(".toml") if spec_file.name != FILE_NAME else "envspec"
    return spec_file.with_name(f"{stem}.{variant}.lock" if variant else f"{stem}.lock")


def dump_lock(lock: Lock) -> str:
    """The lock as TOML, without what is bound: the same lock gives the same bytes."""
    import tomlkit  # most runs only read locks, with the standard library

    document = tomlkit.document()
    document.add(tomlkit.comment(HEADER))
    body = lock.unbound.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    artifacts, own, build = body.pop("artifact", []), body.pop("source", []), body.pop("build", [])
    document.add("version", tomlkit.item(lock.version))
    for key, value in body.items():
        document.add(key, tomlkit.item(value))
    for key, values in (("build", build), ("source", own)):
        if values:
            tables = tomlkit.aot()
            for each in values:
                tables.append(tomlkit.item(each))
            document.add(key, tables)
    table = tomlkit.aot()
    for artifact in artifacts:
        built = artifact.pop("wheel", None)
        keys = ("name", "version", "stage", "index", "file", "sha256", "size")
        entry = tomlkit.item({key: artifact[key] for key in keys if key in artifact})
        if built:
            inline = tomlkit.inline_table()
            inline.update({key: built[key] for key in ("file", "sha256", "size") if key in built})
            entry.add("wheel", inline)
        table.append(entry)
    if artifacts or not own:
        document.add("artifact", table)
    return tomlkit.dumps(document).rstrip("\n") + "\n"


def parse_lock(text: str, *, name: str = "envspec.lock") -> Lock:
    """The lock in `text`. Raises `SpecError` naming `name` when it is none."""

    def wrong(message: str) -> SpecError:
        return SpecError(name, (Problem(path="", message=message),), hint=_ANEW)

    if excess := Lines(text).excess:
        raise wrong(f"not a lock: line {excess.line}: {excess.message}")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise wrong(f"not a lock: {error}") from error
    if data.get("version") != VERSION:
        version = shortened(repr(data.get("version")))
        raise wrong(f"a lock of version {version}; this program reads version {VERSION}")
    try:
        return Lock.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise wrong(f"not a lock: {place}{': ' if place else ''}{first['msg']}") from error


def read_lock(file: pathlib.Path) -> Lock | None:
    """The lock in `file`; None when there is none. Raises `SpecError` when it is no lock."""
    if not os.path.exists(file):  # noqa: PTH110 - also of a name that no file can have
        return None
    return parse_lock(read_text(file, LIMIT, hint=_ANEW), name=str(file))


def write_lock(file: pathlib.Path, lock: Lock) -> None:
    """Write the lock, whole or not at all."""
    write_atomic(file, dump_lock(lock))
