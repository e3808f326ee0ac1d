"""What other programs may call: a spec read, linted, locked and proved. See docs/api.md."""

from __future__ import annotations

import pathlib

from envspec.lockfile.lock import Lock
from envspec.proof.prove import prove_lock
from envspec.resolve.resolver import resolve_spec
from envspec.source.bound import ChangedSourceError
from envspec.source.yard import SourceYard
from envspec.spec.model import Spec
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError
from envspec.system.finding import Finding
from envspec.system.home import tool_home
from envspec.system.progress import SILENT, Progress

HERE = pathlib.Path()


def lock(
    spec: Spec,
    *,
    folder: pathlib.Path | str = HERE,
    offline: bool = False,
    resolver: str = "uv",
    progress: Progress = SILENT,
) -> Lock:
    """One joint solution of all stages. Nothing is installed, and nothing is written beside the spec.

    `folder` is the spec's, to which its paths are relative. `offline` touches no network; `resolver` is `uv`
    or `pip-tools`. What the base holds is locked by `builder.plan`, which writes the lock as well.

    Raises `FindingsError` when the stages contradict each other, `BuildError` when a source cannot be built,
    `OutsideError` when an index cannot be asked.
    """
    sources = _sources(spec, folder, offline=offline)
    return resolve_spec(spec, sources, _store(), resolver=resolver, progress=progress)


def prove(
    spec: Spec,
    lock: Lock,
    *,
    folder: pathlib.Path | str = HERE,
    offline: bool = False,
    progress: Progress = SILENT,
) -> tuple[Finding, ...]:
    """All that reading tells of a lock, errors first. The locked files are fetched to be read, not installed.

    Raises `OutsideError` when one cannot be had, `BuildError` when a source cannot be built,
    `FindingsError` when a tree of the spec's is not what was locked.
    """
    sources, store = _sources(spec, folder, offline=offline), _store()
    if lock.trees and lock == lock.unbound:
        try:
            lock = SourceYard(spec=spec, sources=sources, store=store, progress=progress).bind(lock)
        except ChangedSourceError as changed:
            raise FindingsError(f"the lock does not fit: {changed}", ()) from changed
    return prove_lock(spec, lock, sources, store, progress)


def _sources(spec: Spec, folder: pathlib.Path | str, *, offline: bool) -> Sources:
    return Sources(spec, ask_pip(), offline=offline).within(pathlib.Path(folder))


def _store() -> Wheelhouse:
    return Wheelhouse(tool_home() / "wheelhouse")
