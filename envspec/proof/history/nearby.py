"""The nearest version of a package that has a name which the locked one lacks: a few wheels are read."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, Lock
from envspec.proof.history.names import has_name
from envspec.resolve.graph import needed
from envspec.resolve.ladder import ladder
from envspec.resolve.refusal import version_of
from envspec.resolve.resolver import known_file, usable_files
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.sources import Sources
from envspec.supply.wheel import Wheel
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import EnvspecError, OutsideError
from envspec.system.finding import Finding, Severity

MOST = 3
"""Findings for which versions are looked for."""
READ = 6
"""Wheels that are read for one of them."""
LARGEST = 12 << 20
"""Bytes of a wheel that is fetched for it."""


def with_versions(
    found: Iterable[Finding],
    lock: Lock,
    known: Mapping[str, WheelMetadata],
    sources: Sources,
    store: Wheelhouse,
) -> Iterator[Finding]:
    """The findings, those of a missing name with the nearest version that has it, and whether it is in reach.

    `known` is what the packages of the lock say of themselves. Without an index a finding stays as it is.
    """
    left = MOST
    for each in found:
        provider = each.between[-1] if each.lacks and len(each.between) > 1 else ""
        if each.severity is Severity.ERROR and provider in lock.pins and left and not sources.offline:
            left -= 1
            there = nearest_with(lock, provider, each.lacks, sources, store)
            yield each if there is None else _advised(each, there, lock, known)
        else:
            yield each


def nearest_with(
    lock: Lock, name: str, dotted: str, sources: Sources, store: Wheelhouse
) -> WheelMetadata | None:
    """What the nearest version that has a dotted name says of itself, newer or older; None without one."""
    entry = next(each for each in lock.artifact if each.name == name)
    try:
        files = sources.files(entry.index, name)
    except OutsideError:
        return None
    older, newer = (ladder(files, entry.version, lock.target, newer=newer) for newer in (False, True))
    nearer = [version for pair in itertools.zip_longest(older, newer) for version in pair if version]
    for version in nearer[:READ]:
        offered = [each for each in files if str(version_of(each)) == version]
        best = next(iter(usable_files(offered, lock.target, sources=False)), None)
        if best is None or (best.size or 0) > LARGEST:
            continue
        try:
            file = known_file(best, sources, store)
            if not store.has(file):
                store.bring(sources.meant(best), file, sources)
            with Wheel(store.path(file)) as wheel:
                if has_name(wheel, dotted):
                    return wheel_metadata(file, best, store=store, sources=sources)
        except EnvspecError:
            continue
    return None


def locked_has(entry: Artifact, store: Wheelhouse, dotted: str) -> bool | None:
    """Whether what is locked, and is in the store, has a dotted name; None where that cannot be read."""
    with Wheel(store.path(entry.installed)) as wheel:
        return has_name(wheel, dotted)


def _advised(each: Finding, there: WheelMetadata, lock: Lock, known: Mapping[str, WheelMetadata]) -> Finding:
    user, provider = each.between[-2:]
    against = [
        f"{name} {lock.pins[name]} wants {provider}{limit}"
        for name, limit in sorted(_limits(provider, lock, known).items())
        if not limit.contains(there.version, prereleases=True)
    ]
    against += [
        f"it wants {wanted}"
        for wanted in needed((provider, frozenset()), {provider: there}, lock.target)
        if (pin := lock.pins.get(canonicalize_name(wanted.name))) is not None
        and not wanted.specifier.contains(pin, prereleases=True)
    ]
    reach = f", though {' and '.join(against[:2])}" if against else ", which the other packages allow"
    hint = f"{provider} {there.version} has it{reach}; or take a version of {user} that knows {provider} "
    return dataclasses.replace(each, hint=hint + lock.pins[provider])


def _limits(provider: str, lock: Lock, known: Mapping[str, WheelMetadata]) -> dict[str, SpecifierSet]:
    """What each package of the lock demands of another one."""
    return {
        name: requirement.specifier
        for name in lock.pins
        if name in known
        for requirement in needed((name, frozenset()), known, lock.target)
        if canonicalize_name(requirement.name) == provider
    }
