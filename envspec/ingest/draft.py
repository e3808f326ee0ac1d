"""The draft: what was understood of somebody else's description, before it is a spec."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from envspec.system.foreign import readable
from envspec.system.quoting import shortened

_TOGETHER = 12
"""Items of a description that one note names."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that a description says, and what became of it: carried over, or left with a reason."""

    text: str
    """As it was written, cut to what a note can hold."""
    line: int | None = None
    file: str = ""
    """Name of the file it stands in, where that is not the description itself."""
    why: str = ""
    """Why it was not carried over, as the end of a sentence; empty for what was."""
    size: int = 1
    """How many entries of its file it stands for."""

    @property
    def carried(self) -> bool:
        """Whether the spec says it too."""
        return not self.why

    @property
    def place(self) -> str:
        """Where it stands, for a message."""
        line = f"line {self.line}" if self.line else ""
        return f"{self.file} {line}".strip()


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Install:
    """One step that installs, whoever wrote it down."""

    name: str
    """Name for its stage."""
    requirements: tuple[str, ...] = ()
    """Requirements and sources, as a stage of a spec has them."""
    index_url: str | None = None
    """The index it was told to use instead of the machine's."""
    extra_index_urls: tuple[str, ...] = ()
    """Indexes that are asked besides."""
    find_links: tuple[str, ...] = ()
    """Pages and folders of files that are offered besides."""
    prebuilt: tuple[str, ...] = ()
    """Packages that are not to be compiled."""
    uninstalled: tuple[str, ...] = ()
    """What a `pip uninstall` took away right after it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PinFile:
    """One file of a locked package."""

    sha256: str
    file: str = ""
    """Its name; empty where the description tells the digest alone."""
    url: str = ""
    size: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package as a lock of another tool holds it."""

    name: str
    """Canonical."""
    version: str
    """Empty where the lock does not tell that of a source."""
    files: tuple[PinFile, ...] = ()
    """Those that it allows; without any, those of its version on the index."""
    index_url: str | None = None
    """Where it comes from, if that is not the machine's own index."""
    requires: tuple[str, ...] | None = None
    """What it requires, as the lock says, extras included; None where the lock does not say."""
    word: str = ""
    """The word by which the spec names it, where it is a source: a folder, an address, a repository."""
    commit: str = ""
    """Of a repository."""
    loose: bool = False
    """Whether it counts only where something else that is kept needs it."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An environment as somebody described it."""

    name: str
    python: str | None = None
    """Minor version, when the description tells it."""
    image: str | None = None
    apt: tuple[str, ...] = ()
    build_apt: tuple[str, ...] = ()
    """Debian packages that only builds of sources have."""
    as_of: str | None = None
    """The date up to which packages count, in ISO form."""
    installs: tuple[Install, ...] = ()
    variants: Mapping[str, tuple[Install, ...]] = dataclasses.field(default_factory=dict)
    """What is installed besides on demand: extras and groups, by name."""
    constraints: tuple[str, ...] = ()
    """What limits versions and installs nothing."""
    overrides: tuple[str, ...] = ()
    """What counts instead of all that others require of a package."""
    index_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Names of indexes by address, where the description has some."""
    asked: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Indexes that are asked for every package in an order, by address: `first`, `last`, or `default`."""
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    run: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The table `[run]` of a spec."""
    proposed: str = ""
    """Why `run` starts what it does, where that is a proposal, which counts if nothing else says it."""
    copies: tuple[Mapping[str, str], ...] = ()
    """The tables `[[copy]]` of a spec."""
    pins: tuple[Pin, ...] = ()
    """What a lock of another tool holds still; empty without one."""
    pinned_by: str = ""
    """Name of that lock."""
    items: tuple[Item, ...] = ()
    """All that the description says, in its order."""
    file: str = ""
    """Name of the file of a folder that was read."""
    remarks: tuple[str, ...] = ()
    """What was decided for a spec that the description leaves open, a sentence each."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What its user should know: remarks, then what could not be carried over, with lines."""
        proposed = (self.proposed,) if self.proposed else ()
        return (*self.remarks, *proposed, *left_notes(self.items))

    @property
    def starts(self) -> bool:
        """Whether the description says what is started."""
        return bool(self.run.get("command")) and not self.proposed


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is asked of a reader besides the description."""

    python: str | None = None
    """Minor version of the target, when the user gives one."""
    folder: pathlib.Path = pathlib.Path()
    """Where the spec will stand, to which its paths are relative."""
    picked: frozenset[str] = frozenset()
    """Extras and groups that are installed besides, by canonical name: a command of a build names them."""


def left_notes(items: tuple[Item, ...]) -> Iterator[str]:
    """A sentence for each reason why something was left, with all that was left for it."""
    reasons: dict[str, list[Item]] = {}
    for item in items:
        if item.why:
            reasons.setdefault(item.why, []).append(item)
    for why, left in reasons.items():
        for begin in range(0, len(left), _TOGETHER):
            part = left[begin : begin + _TOGETHER]
            yield readable(f"{', '.join(map(_named, part))}: {why}", 4000)


def _named(item: Item) -> str:
    text = shortened(" ".join(item.text.split()), 120)
    return f"{text} ({item.place})" if item.place else text
