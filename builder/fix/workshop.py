"""What a search for a fix does with each candidate: lock, prove, build, judge, throw away."""

from __future__ import annotations

import pathlib
from typing import Protocol

from builder.backends.virtualenv import BUILDING, VirtualenvBackend
from builder.flow.base import read_base
from builder.flow.build_root import DebianBuildRoot
from builder.flow.check import judge_environment, try_environment
from builder.flow.project import Project
from builder.flow.serving import find_server
from builder.values.copying import collect_copies
from builder.values.payload import collect_payload
from builder.values.plan import make_plan
from envspec.lockfile.lock import Lock, lock_file, read_lock
from envspec.proof.prove import prove_lock
from envspec.resolve.prefer import preferences_of
from envspec.resolve.resolver import resolve_spec
from envspec.source.fetch import fetch_locked
from envspec.spec.model import FILE_NAME, Spec
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.finding import Finding
from envspec.system.home import tool_home
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder


class Offers(Protocol):
    """What there is to choose from."""

    unreachable: dict[str, str]
    """Named indexes that could not be asked, with the reason."""

    def files(self, index: str, project: str) -> tuple[RemoteFile, ...]:
        """Every file of a package that an index offers. Raises `OutsideError`."""


class Workshop(Protocol):
    """Tries candidates."""

    def offers(self, spec: Spec) -> Offers:
        """What there is to choose from."""

    def lock(self, spec: Spec) -> Lock:
        """One joint solution. Raises `FindingsError` and `OutsideError`."""

    def proved(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """What reading alone tells, in seconds."""

    def verified(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """What the judge says of the environment, built for this and thrown away."""


class RealWorkshop:
    """Works on this machine, in throw-away virtual environments."""

    def __init__(self, file: pathlib.Path, progress: Progress) -> None:
        """`file` is the spec's; what its lock holds is kept where a candidate allows it, as locking does."""
        self._folder = file.parent
        self._before = read_lock(lock_file(file, None))
        self._progress = progress
        self._store = Wheelhouse(tool_home() / "wheelhouse")
        self._sources: dict[str, Sources] = {}

    def offers(self, spec: Spec) -> Sources:
        """The indexes and folders of the spec; what they answered is kept."""
        if spec.digest not in self._sources:
            sources = Sources(spec, ask_pip()).within(self._folder)
            sources.build_root = DebianBuildRoot(spec, None, self._store, progress=self._progress)
            self._sources[spec.digest] = sources
        return self._sources[spec.digest]

    def lock(self, spec: Spec) -> Lock:
        """One joint solution, found on this machine."""
        prefer = preferences_of(self._before)
        return resolve_spec(spec, self.offers(spec), self._store, prefer=prefer, progress=self._progress)

    def proved(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """The proof of the lock, whose files are fetched for it."""
        project = Project(file=self._folder / FILE_NAME, spec=spec)
        return prove_lock(
            spec,
            lock,
            self.offers(spec),
            self._store,
            self._progress,
            base=lambda: read_base(project, lock, self._progress),
        )

    def verified(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """The verdict on a virtual environment that is thrown away again."""
        fetch_locked(lock, self.offers(spec), self._store, self._progress)
        cargo = collect_payload(spec.service, self._folder) if spec.service else None
        copies = collect_copies(spec.copies, self._folder)
        project = Project(file=self._folder / FILE_NAME, spec=spec)
        plan = make_plan(spec, lock, cargo, served=find_server(project, lock).words, copies=copies)
        with scratch_folder("candidate", tool_home() / "environments" / BUILDING) as folder:
            backend = VirtualenvBackend(folder)
            environment = backend.build(plan, self._folder, self._store, self._progress)
            verdict = judge_environment(spec, plan, backend, environment, fast=False, progress=self._progress)
            trial = try_environment(spec, plan, backend, environment, self._progress)
        return (*verdict.findings, *trial.findings)
