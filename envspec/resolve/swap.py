"""One package of a lock in another version, without a solver: where what all say of themselves decides it."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, Lock
from envspec.resolve.graph import Node, assign, needed
from envspec.resolve.refusal import version_of
from envspec.resolve.resolver import known_file, stage_roots, usable_files
from envspec.spec.model import Spec
from envspec.spec.pins import repins
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import rules
from envspec.system.errors import FindingsError


def swapped(
    spec: Spec, before: Lock, name: str, version: str, sources: Sources, store: Wheelhouse
) -> Lock | None:
    """The lock of a spec that pins `name` to `version` and else wants what `before` has.

    None where a solver must decide: something would come or go, or it is more than a question of versions.
    Raises `FindingsError` where another package of the lock does not allow that version, or is not allowed
    by it, and `OutsideError` where an index cannot be asked.
    """
    entry = next((each for each in before.artifact if each.name == name), None)
    if entry is None or before.source or before.removed or spec.as_of or spec.constraints or spec.overrides:
        return None
    if repins(spec) or any(stage.as_of or stage.wheels for stage in spec.stage):
        return None
    offered = [each for each in sources.files(entry.index, name) if str(version_of(each)) == version]
    remote = next(iter(usable_files(offered, before.target, sources=False)), None)
    if remote is None:
        return None
    file = known_file(remote, sources, store)
    fresh = Artifact(name=name, version=version, stage=entry.stage, index=entry.index, **file.model_dump())
    artifacts = [fresh if each.name == name else each for each in before.artifact]
    known = {
        each.name: wheel_metadata(
            each.installed, remote if each is fresh else None, store=store, sources=sources
        )
        for each in artifacts
    }
    pins = {each.name: each.version for each in artifacts}
    if not _decided(spec, before, known, pins):
        return None
    return before.model_copy(update={"spec": spec.digest, "artifact": tuple(artifacts)})


def _decided(spec: Spec, before: Lock, known: Mapping[str, WheelMetadata], pins: Mapping[str, str]) -> bool:
    """Whether all is there that is needed, and no more. Raises `FindingsError` where versions contradict."""
    roots = [requirement for stage in spec.stage for requirement in stage.requirements]
    waiting: list[tuple[str, Requirement]] = [
        ("the spec", each) for each in roots if before.target.wants(each.marker)
    ]
    seen: set[Node] = set()
    while waiting:
        user, wanted = waiting.pop()
        package = canonicalize_name(wanted.name)
        if package not in pins:
            return False
        if not wanted.specifier.contains(pins[package], prereleases=True):
            said = f"{user} depends on {wanted}, and {package}=={pins[package]} is wanted"
            raise FindingsError("one package contradicts another", (rules.NO_SOLUTION.finding(said),))
        node = package, frozenset(wanted.extras)
        if node not in seen:
            seen.add(node)
            waiting += [(package, each) for each in needed(node, known, before.target)]
    return assign(stage_roots(spec, {}), known, before.target).keys() == pins.keys()
