"""What a solution prefers: the versions and files of the lock before, wherever the spec still allows them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import SPEC_WHEEL, Lock
from envspec.spec.pins import pinned
from envspec.supply.page import RemoteFile
from envspec.system.errors import UsageError
from envspec.system.quoting import listed, shortened


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """What is taken again where nothing speaks against it, and what a user wants moved."""

    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """By canonical name."""
    files: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Name and sha256 of the file that each was locked as."""
    commits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Of git, by the digest of what named them."""
    demands: tuple[Requirement, ...] = ()
    """Exact versions that must be moved to, of packages that need not stand in the spec."""

    wheels: bool = False
    """Whether nothing is built of its source, not even to see what it requires; uv alone heeds it."""

    def kept(self, name: str, version: str, offered: Sequence[RemoteFile]) -> RemoteFile | None:
        """The file among those offered that the package was locked as; None where it moves."""
        if self.versions.get(name) != version:
            return None
        file, sha256 = self.files[name]
        same = (each for each in offered if each.file == file and each.sha256 in {None, sha256})
        return next(same, None)


NOTHING = Preferences()
"""Of a spec that is solved for the first time, or anew as a whole."""


def preferences_of(lock: Lock | None, moving: Sequence[Requirement] = ()) -> Preferences:
    """What a lock prefers, but for packages that are `moving`."""
    free = {canonicalize_name(requirement.name) for requirement in moving}
    held = [
        entry
        for entry in (lock.artifact if lock is not None else ())
        if entry.index != SPEC_WHEEL and entry.name not in free
    ]
    return Preferences(
        versions={entry.name: entry.version for entry in held},
        files={entry.name: (entry.file, entry.sha256) for entry in held},
        commits={
            source.word: source.commit
            for source in (lock.source if lock is not None else ())
            if source.word and source.commit and source.name not in free
        },
        demands=tuple(requirement for requirement in moving if requirement.specifier),
    )


def moving_packages(words: Sequence[str], lock: Lock | None) -> tuple[Requirement, ...]:
    """The packages that are to move, as `NAME` or `NAME==VERSION` on a command line.

    Raises `UsageError` for what is neither, or is in no lock.
    """
    if words and lock is None:
        raise UsageError("there is no lock in which a package could move", hint="`envspec lock` makes it")
    held = lock.pins if lock is not None else {}
    return tuple(_moving(word, held) for word in words)


def _moving(word: str, held: Mapping[str, str]) -> Requirement:
    try:
        wanted = Requirement(word)
    except InvalidRequirement:
        wanted = None
    if wanted is None or wanted.url or wanted.extras or wanted.marker:
        raise UsageError(f"{shortened(word)} is neither NAME nor NAME==VERSION of a package that may move")
    if wanted.specifier and pinned(wanted) is None:
        raise UsageError(f"{wanted} is no exact version", hint=f"write {wanted.name}==VERSION")
    if canonicalize_name(wanted.name) not in held:
        raise UsageError(f"the lock has no {wanted.name}", hint=near_names(wanted.name, held))
    return wanted


def near_names(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    """A question that offers the names most like one that is not known; empty where none is."""
    near = difflib.get_close_matches(canonicalize_name(name), list(dict.fromkeys(known)), n=3)
    return f"did you mean {listed(near)}?" if near else ""
