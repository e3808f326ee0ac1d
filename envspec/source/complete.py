"""Closes the gaps of a lock: fetches and builds what could not be had where it was kept."""

from __future__ import annotations

import dataclasses

from envspec.lockfile.lock import Artifact, Lock, LockedSource
from envspec.source.sdist import BuildSite, built_wheel
from envspec.source.yard import SourceYard
from envspec.supply.page import RemoteFile
from envspec.system import rules
from envspec.system.errors import BuildError, FindingsError, OutsideError
from envspec.system.quoting import quoted_output


def complete_lock(lock: Lock, yard: SourceYard) -> Lock:
    """The lock without gaps: versions and digests stay, and what is built of them is added.

    Raises `FindingsError` for what cannot be built, `OutsideError` for what cannot be had.
    """
    gaps = lock.gaps
    own = {source.name: source for source in lock.source}
    artifacts = {entry.name: entry for entry in lock.artifact}
    for name in sorted(gaps & own.keys()):
        own[name], artifacts[name] = _taken(own[name], artifacts.get(name), yard)
    for name in sorted(gaps - own.keys()):
        artifacts[name] = _built(artifacts[name], yard)
    order = {stage: number for number, stage in enumerate(lock.stages)}
    placed = sorted(artifacts.values(), key=lambda entry: (order[entry.stage], entry.name))
    return lock.model_copy(update={"source": tuple(own.values()), "artifact": tuple(placed)})


def _taken(held: LockedSource, entry: Artifact | None, yard: SourceYard) -> tuple[LockedSource, Artifact]:
    _, word = yard.spec.sources[held.at]
    commits = {held.word: held.commit} if held.word and held.commit else {}
    package = dataclasses.replace(yard, commits={**yard.commits, **commits}).take(word, held.at)
    found = package.artifact(held.stage)
    if package.name != held.name or (entry is not None and found.sha256 != entry.sha256):
        raise OutsideError(
            f"{word.shown} as it is served now is not what was locked",
            hint="whoever serves it changed it: `envspec lock --upgrade` if that is right",
        )
    return package.locked(held.stage), found


def _built(entry: Artifact, yard: SourceYard) -> Artifact:
    sources, store = yard.sources, yard.store
    if not store.has(entry):
        store.bring(_offered(entry, yard), entry, sources)
    if not entry.size:
        entry = entry.model_copy(update={"size": store.path(entry).stat().st_size})
    if entry.file.endswith(".whl"):
        return entry
    try:
        wheel = built_wheel(entry, BuildSite.of(sources, store, yard.target, yard.progress))
    except BuildError as error:
        finding = rules.SOURCE_UNBUILDABLE.finding(
            f"{entry.name} {entry.version} is locked as source alone: {quoted_output(error.message)}",
            hint=error.hint,
            where=entry.name,
        )
        raise FindingsError("a source distribution cannot be built", (finding,)) from error
    return entry.model_copy(update={"wheel": wheel})


def _offered(entry: Artifact, yard: SourceYard) -> RemoteFile:
    """Raises `OutsideError` where the index does not have the file."""
    offered = yard.sources.files(entry.index, entry.name)
    same = [file for file in offered if file.file == entry.file and file.sha256 in {None, entry.sha256}]
    if not same:
        raise OutsideError(
            f"{entry.file} cannot be had: index {entry.index} does not have it",
            hint="give it under `wheels`, or name an index that has it in the spec",
        )
    return same[0]
