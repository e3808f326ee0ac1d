"""What differs between two environments, each known by its packages' versions, in users' words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from packaging.version import InvalidVersion, Version

from envspec.lockfile.lock import Lock

_TREE = "the spec's own tree"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two: a lock, or what an interpreter has."""

    label: str
    python: str
    pins: Mapping[str, str]
    """Version by canonical name."""
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """sha256 of the wheel by name; empty where only versions are known."""
    stages: Mapping[str, str] = dataclasses.field(default_factory=dict)
    trees: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Of a lock: digest of what each of its trees requires; their contents it does not know."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One difference."""

    kind: str
    """`added`, `removed`, `up`, `down`, `rebuilt`, `moved`, `required`, `sourced` or `python`."""
    name: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        match self.kind:
            case "added":
                return f"+ {self.name} {self.after}"
            case "removed":
                return f"- {self.name} {self.before}"
            case "rebuilt":
                return f"~ {self.name} {self.after}: the same version in another file"
            case "required":
                return f"~ {self.name}: its tree requires other things"
            case "sourced":
                return f"~ {self.name}: {self.before} -> {self.after}"
            case "moved":
                return f"~ {self.name}: stage {self.before} -> {self.after}"
            case _:
                return f"~ {self.name} {self.before} -> {self.after}"


def side_of_lock(lock: Lock, label: str) -> Side:
    """A lock as one of the two; what its trees are at a version, it does not tell, bound or not."""
    return Side(
        label=label,
        python=lock.python,
        pins=lock.unbound.pins,
        files={entry.name: entry.installed.sha256 for entry in lock.unbound.artifact},
        stages={entry.name: entry.stage for entry in lock.unbound.artifact},
        trees={source.name: source.requires or "" for source in lock.trees},
    )


def compare_sides(before: Side, after: Side) -> Iterator[Change]:
    """Every difference, Python first, then packages by name."""
    if before.python != after.python:
        yield Change(kind="python", name="python", before=before.python, after=after.python)
    for name in sorted({*before.pins, *after.pins, *before.trees, *after.trees}):
        if name in before.trees or name in after.trees:
            yield from _of_trees(name, before, after)
            continue
        old, new = before.pins.get(name, ""), after.pins.get(name, "")
        if not old:
            yield Change(kind="added", name=name, after=new)
        elif not new:
            yield Change(kind="removed", name=name, before=old)
        elif not _same(old, new):
            yield Change(kind="up" if _newer(new, old) else "down", name=name, before=old, after=new)
        else:
            yield from _details(name, new, before, after)


def _of_trees(name: str, before: Side, after: Side) -> Iterator[Change]:
    """The difference of a package that is a tree on one side: what a tree is at a version, no lock says."""
    one, other = before.trees.get(name), after.trees.get(name)
    old, new = (
        _TREE if digest else side.pins.get(name, "") for digest, side in ((one, before), (other, after))
    )
    if not old:
        yield Change(kind="added", name=name, after=new)
    elif not new:
        yield Change(kind="removed", name=name, before=old)
    elif one and other:
        if one != other:
            yield Change(kind="required", name=name)
    elif before.files and after.files:  # two locks
        yield Change(kind="sourced", name=name, before=old, after=new)


def _details(name: str, version: str, before: Side, after: Side) -> Iterator[Change]:
    files = before.files.get(name), after.files.get(name)
    if all(files) and files[0] != files[1]:
        yield Change(kind="rebuilt", name=name, before=version, after=version)
    stages = before.stages.get(name, ""), after.stages.get(name, "")
    if all(stages) and stages[0] != stages[1]:
        yield Change(kind="moved", name=name, before=stages[0], after=stages[1])


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _newer(one: str, other: str) -> bool:
    try:
        return Version(one) > Version(other)
    except InvalidVersion:
        return False
