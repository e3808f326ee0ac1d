"""Proof: what can be said of a lock without installing it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, Lock
from envspec.proof.abi.base import BaseFolder
from envspec.proof.history.nearby import with_versions
from envspec.proof.reading import Shelf, bring_to_read
from envspec.proof.wheels import prove_wheels, unread_base
from envspec.resolve.graph import chain, needed
from envspec.source.fetch import fetch_built
from envspec.spec.model import Spec
from envspec.spec.pins import repins
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system import rules
from envspec.system.finding import Finding, Severity, must_fix, order_findings
from envspec.system.progress import SILENT, Progress


def prove_lock(
    spec: Spec,
    lock: Lock,
    sources: Sources,
    store: Wheelhouse,
    progress: Progress = SILENT,
    *,
    base: Callable[[], BaseFolder] | None = None,
) -> tuple[Finding, ...]:
    """All findings about the lock, heaviest first; what it locks is brought into the store to be read.

    `base` gives the libraries that the environment will stand on, and is called once they are wanted; left
    out, only this machine's are known.

    Raises `OutsideError` when something cannot be had, `BuildError` when a source cannot be built.
    """
    progress.step("prove")
    known = known_metadata(lock, sources, store, progress)
    found = [*prove_requirements(spec, lock, known), *prove_pythons(lock, known)]
    if not must_fix(found):
        parts = bring_to_read(lock, known, sources, store, progress)
        progress.step("read wheels")
        wheels = prove_wheels(
            spec, lock, known, Shelf(store=store, parts=parts), base() if base else unread_base(lock)
        )
        found += with_versions(wheels, lock, known, sources, store)
    return order_findings(found)


def known_metadata(
    lock: Lock, sources: Sources, store: Wheelhouse, progress: Progress = SILENT
) -> dict[str, WheelMetadata]:
    """What every package of the lock says of itself, by name. Raises `OutsideError` and `BuildError`."""
    fetch_built(lock, sources, store, progress)

    def read(artifact: Artifact) -> WheelMetadata:
        remote = None
        if not store.has(artifact.installed) and artifact.wheel is None:
            offered = sources.files(artifact.index, artifact.name)
            remote = next((file for file in offered if file.file == artifact.file), None)
        return wheel_metadata(artifact.installed, remote, store=store, sources=sources)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return dict(
            zip((artifact.name for artifact in lock.artifact), pool.map(read, lock.artifact), strict=True)
        )


def prove_requirements(spec: Spec, lock: Lock, known: Mapping[str, WheelMetadata]) -> Iterator[Finding]:
    """EV103: a requirement that the lock does not satisfy. EV104: one that the spec removes.

    What a later stage pinned anew was chosen over what others require: whether it works the files tell.
    """
    anew = repins(spec)
    removed = {canonicalize_name(package) for package in spec.remove.packages}
    roots = [requirement for stage in spec.stage for requirement in stage.requirements]
    roots += lock.asked(spec).values()
    taken = {name: frozenset[str]() for name in known}
    for root in roots:
        package = canonicalize_name(root.name)
        taken[package] = taken.get(package, frozenset()) | root.extras
    for name, extras in sorted(taken.items()):
        path = ""
        for requirement in needed((name, extras), known, lock.target):
            wanted = canonicalize_name(requirement.name)
            if wanted in removed:
                yield rules.REQUIREMENT_REMOVED.finding(
                    f"{name} {lock.pins[name]} requires {requirement}, which the spec removes",
                    hint="fine if it imports without it: verification shows; else take it out of [remove]",
                    where=name,
                )
            elif wanted not in lock.pins or not requirement.specifier.contains(
                lock.pins[wanted], prereleases=True
            ):
                has = (
                    f"{wanted} {lock.pins[wanted]} is locked" if wanted in lock.pins else "nothing is locked"
                )
                path = path or " -> ".join(chain(name, roots, known, lock.target))
                chosen = anew.get(wanted)
                advice = "`envspec lock` solves all stages together"
                if chosen:
                    advice = f"stage {chosen.word.stage} pins it over stage {chosen.instead_of[0].stage}"
                yield rules.LOCK_FALLS_SHORT.finding(
                    f"{name} {lock.pins[name]} requires {requirement}; {has}",
                    hint=f"needed through {path}; {advice}",
                    where=name,
                    severity=Severity.WARNING if chosen else Severity.ERROR,
                )


def prove_pythons(lock: Lock, known: Mapping[str, WheelMetadata]) -> Iterator[Finding]:
    """EV105: a package that does not want the target's Python."""
    for name, facts in sorted(known.items()):
        try:
            fits = SpecifierSet(facts.requires_python).contains(lock.target.newest, prereleases=True)
        except InvalidSpecifier:
            continue  # old packages have all sorts of texts there, and installers ignore them too
        if facts.requires_python and not fits:
            yield rules.PYTHON_UNSUITED.finding(
                f"{name} {facts.version} requires Python {facts.requires_python}, not {lock.python}",
                hint="pin a version made for that Python",
                where=name,
            )
