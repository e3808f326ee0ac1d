"""Brings everything a lock installs into the wheelhouse: downloads, and wheels built from sources."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from envspec.lockfile.lock import Artifact, Lock
from envspec.source.sdist import BuildSite, built_wheel
from envspec.source.yard import SourceYard
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import BuildError
from envspec.system.progress import SILENT, Progress


def fetch_locked(
    lock: Lock,
    sources: Sources,
    store: Wheelhouse,
    progress: Progress = SILENT,
    *,
    without: Collection[str] = (),
) -> None:
    """Fill the wheelhouse with what the lock installs, but for the packages of these names.

    Raises `OutsideError` when something cannot be had, `BuildError` when a wheel built here is not the one
    that was locked.
    """
    _bring([entry for entry in lock.artifact if entry.name not in without], lock, sources, store, progress)


def fetch_built(lock: Lock, sources: Sources, store: Wheelhouse, progress: Progress = SILENT) -> None:
    """Only what is built here, or comes by the spec's words: of that no index tells anything.

    Raises as `fetch_locked` does.
    """
    own = {source.name for source in lock.source}
    built = [artifact for artifact in lock.artifact if artifact.wheel is not None or artifact.name in own]
    _bring(built, lock, sources, store, progress)


def _bring(
    artifacts: Iterable[Artifact], lock: Lock, sources: Sources, store: Wheelhouse, progress: Progress
) -> None:
    sources.progress = progress
    missing = [artifact for artifact in artifacts if not store.has(artifact.installed)]
    own = {source.name: source for source in lock.source}
    yard = SourceYard(spec=sources.spec, sources=sources, store=store, progress=progress)
    for artifact in [entry for entry in missing if entry.name in own]:
        yard.bring(own[artifact.name], artifact)
        missing.remove(artifact)
    store.fetch(missing, sources, progress)
    for artifact in missing:
        if artifact.wheel is None:
            continue
        wheel = built_wheel(artifact, BuildSite.of(sources, store, lock.target, progress))
        if wheel.sha256 != artifact.wheel.sha256:
            raise BuildError(
                f"the wheel built here from {artifact.file} is not the one that was locked: its bytes differ",
                hint="this machine's compiler makes other code; give the wheel under `wheels`, or lock here",
            )
