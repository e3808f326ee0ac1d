"""Why a package is in a lock, at this version: who wants it, from which stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, Lock
from envspec.resolve.graph import chain, needed
from envspec.spec.model import Spec
from envspec.supply.core_metadata import WheelMetadata


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One requirement for the package."""

    by: str
    """`stage numeric`, or the package that requires it with its version."""
    requirement: str

    @property
    def sentence(self) -> str:
        """Without an end, such as `flask 3.1.0 requires click>=8.1.3`."""
        asks = "asks for" if self.by.startswith(("stage ", "the ")) else "requires"
        return f"{self.by} {asks} {self.requirement}"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """All that is known about one package of a lock."""

    artifact: Artifact
    wanted: tuple[Wanted, ...]
    """Stages first, then packages by name."""
    chain: tuple[str, ...]
    """The shortest way from a stage's requirement to the package."""
    requires: tuple[str, ...]
    """What it needs itself, as far as that counts on the target."""

    def text(self) -> str:
        """For people."""
        entry = self.artifact
        lines = [f"{entry.name} {entry.version}, installed by stage {entry.stage} from index {entry.index}"]
        lines += [f"  {entry.file}, {entry.size / 1e6:.1f} MB"]
        lines += [f"  wanted by {each.by}: {each.requirement}" for each in self.wanted]
        if len(self.chain) > 1:
            lines.append(f"  through {' -> '.join(self.chain)}")
        lines += [f"  requires {requirement}" for requirement in self.requires]
        return "\n".join(lines) + "\n"


def reason(spec: Spec, lock: Lock, known: Mapping[str, WheelMetadata], name: str, before: str = "") -> str:
    """Who wants a package of a lock otherwise than in its version `before`, or at all where that is empty.

    As a sentence without an end, such as `flask 3.1.0 requires click>=8.1.3`; empty where nobody speaks
    against that version: it may be withdrawn, or `as-of` another day.
    """
    found = explain_package(spec, lock, known, name)
    if found is None:
        return ""
    limits = [Wanted(by="the spec", requirement=text) for text in (*spec.constraints, *spec.overrides)]
    about = [limit for limit in limits if canonicalize_name(Requirement(limit.requirement).name) == name]
    wanted = next((each for each in (*found.wanted, *about) if not before or _excludes(each, before)), None)
    if wanted is None:
        *_, by, last = ("", *found.chain) if found.chain else ("", "")
        pulled = by and (not before or _excludes(Wanted(by=by, requirement=last), before))
        return f"{_plain(by)} requires {_plain(last)}" if pulled else ""  # by an extra of it
    return wanted.sentence


def reasons(spec: Spec, lock: Lock, known: Mapping[str, WheelMetadata], name: str) -> tuple[str, ...]:
    """All who want a package of a lock at all, each as `reason` puts it; stages first, packages by name."""
    found = explain_package(spec, lock, known, name)
    said = dict.fromkeys(_plain(each.sentence) for each in found.wanted) if found is not None else {}
    return tuple(said) or tuple(filter(None, (reason(spec, lock, known, name),)))


def _plain(requirement: str) -> str:
    """A requirement without the marker, which counts here."""
    return requirement.partition(";")[0].strip()


def reason_to_leave(old: Artifact, facts: WheelMetadata, lock: Lock) -> str:
    """What an older version of a package requires that a lock has otherwise, as `reason` puts it."""
    for requirement in needed((old.name, frozenset()), {old.name: facts}, lock.target):
        version = lock.pins.get(canonicalize_name(requirement.name))
        if version is not None and _excludes(Wanted(by="", requirement=str(requirement)), version):
            return f"{old.name} {old.version} requires {requirement}"
    return ""


def _excludes(wanted: Wanted, version: str) -> bool:
    try:
        return not Requirement(wanted.requirement).specifier.contains(version, prereleases=True)
    except InvalidRequirement:  # a source word
        return True


def explain_package(
    spec: Spec, lock: Lock, known: Mapping[str, WheelMetadata], package: str
) -> Explanation | None:
    """Why `package` is there; None when the lock, bound to the spec's trees, does not have it."""
    name = canonicalize_name(package)
    artifact = next((entry for entry in lock.artifact if entry.name == name), None)
    if artifact is None:
        return None
    roots = [requirement for stage in spec.stage for requirement in stage.requirements]
    asked = [
        Wanted(by=f"stage {stage.name}", requirement=str(requirement))
        for stage in spec.stage
        for requirement in stage.requirements
        if canonicalize_name(requirement.name) == name
    ]
    sources = {each.at: each.name for each in lock.source}
    asked += [
        Wanted(by=f"stage {stage.name}", requirement=word.shown)
        for at, (stage, word) in spec.sources.items()
        if sources.get(at) == name
    ]
    roots += lock.asked(spec).values()
    pulled = [
        Wanted(by=f"{other} {lock.pins[other]}", requirement=str(requirement))
        for other in sorted(known)
        for requirement in needed((other, frozenset()), known, lock.target)
        if canonicalize_name(requirement.name) == name
    ]
    own = needed((name, frozenset()), known, lock.target)
    return Explanation(
        artifact=artifact,
        wanted=(*asked, *pulled),
        chain=chain(name, roots, known, lock.target),
        requires=tuple(sorted(map(str, own))),
    )
