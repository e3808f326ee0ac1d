"""What a search for a fix does with each candidate: lock, prove, try, build, judge, throw away."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from packaging.utils import canonicalize_name

from builder.backends.virtualenv import BUILDING, VirtualenvBackend
from builder.flow.base import read_base
from builder.flow.build_root import DebianBuildRoot
from builder.flow.check import judge_environment, try_environment
from builder.flow.project import Project
from builder.flow.serving import find_server
from builder.image import travelling
from builder.values.copying import collect_copies
from builder.values.environment import Environment
from builder.values.payload import collect_payload
from builder.values.plan import Plan, make_plan
from envspec.lockfile.lock import Lock, lock_file, read_lock
from envspec.proof.history.nearby import locked_has
from envspec.proof.prove import known_metadata, prove_lock
from envspec.resolve.graph import needed
from envspec.resolve.prefer import preferences_of
from envspec.resolve.resolver import resolve_spec
from envspec.resolve.swap import swapped
from envspec.source.fetch import fetch_locked
from envspec.spec.model import FILE_NAME, Spec, digest_of
from envspec.supply.page import RemoteFile
from envspec.supply.pip_settings import ask_pip
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.finding import Finding
from envspec.system.home import tool_home
from envspec.system.progress import Progress
from envspec.system.scratch import scratch_folder

PATIENCE = 60.0
"""Seconds for one import that is tried alone."""


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

    def lock(
        self,
        spec: Spec,
        before: Lock | None = None,
        moved: tuple[str, str] | None = None,
        *,
        wheels: bool = False,
    ) -> Lock:
        """One joint solution, near the one `before` it, from which at most one package has `moved`.

        That is told by its name and its new version. With `wheels` nothing is built: what has no wheel for
        the target is not there. Raises `FindingsError` and `OutsideError`.
        """

    def needs(self, spec: Spec, lock: Lock, name: str) -> Iterable[str]:
        """Canonical names of what a locked package requires."""

    def proved(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """What reading alone tells, in seconds."""

    def has(self, spec: Spec, lock: Lock, package: str, name: str) -> bool | None:
        """Whether what is locked of a package has a dotted name; None where reading does not tell."""

    def refused(self, spec: Spec, lock: Lock, module: str) -> str:
        """What Python says where a module cannot be imported; empty where it can, or is not there at all."""

    def verified(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """What the judge says of the environment, built for this and thrown away."""


@contextlib.contextmanager
def real_workshop(file: pathlib.Path, progress: Progress) -> Iterator[Workshop]:
    """A workshop on this machine; `file` is the spec's. What it built is gone in the end."""
    with scratch_folder("candidates", tool_home() / "environments" / BUILDING) as folder:
        yield _RealWorkshop(file, folder, progress)


class _RealWorkshop:
    """Works in virtual environments, whose files are links to wheels that are unpacked once."""

    def __init__(self, file: pathlib.Path, folder: pathlib.Path, progress: Progress) -> None:
        """What the spec's lock holds is kept where a candidate allows it, as locking does."""
        self._folder = file.parent
        self._before = read_lock(lock_file(file, None))
        self._progress = progress
        self._store = Wheelhouse(tool_home() / "wheelhouse")
        self._sources: dict[str, Sources] = {}
        self._backend = VirtualenvBackend(folder, together=True)

    def offers(self, spec: Spec) -> Sources:
        """The indexes and folders of the spec; what they answered is kept."""
        asked = digest_of(
            {
                "index": {name: index.model_dump(mode="json") for name, index in spec.index.items()},
                "wheels": [wheel.model_dump(mode="json") for stage in spec.stage for wheel in stage.wheels],
                "base": spec.base.model_dump(mode="json"),
                "python": spec.python,
            }
        )
        if asked not in self._sources:
            sources = Sources(spec, ask_pip()).within(self._folder)
            sources.build_root = DebianBuildRoot(spec, None, self._store, progress=self._progress)
            self._sources[asked] = sources
        return self._sources[asked]

    def lock(
        self,
        spec: Spec,
        before: Lock | None = None,
        moved: tuple[str, str] | None = None,
        *,
        wheels: bool = False,
    ) -> Lock:
        """One joint solution, found on this machine; by a solver where metadata alone does not decide."""
        if before is not None and moved is not None:
            known = swapped(spec, before, *moved, self.offers(spec), self._store)
            if known is not None:
                return known
        prefer = dataclasses.replace(preferences_of(before or self._before), wheels=wheels)
        return resolve_spec(spec, self.offers(spec), self._store, prefer=prefer, progress=self._progress)

    def needs(self, spec: Spec, lock: Lock, name: str) -> Iterable[str]:
        """As its metadata has it, for the lock's target."""
        known = known_metadata(lock, self.offers(spec), self._store)
        return [canonicalize_name(each.name) for each in needed((name, frozenset()), known, lock.target)]

    def proved(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """The proof of the lock, whose files are fetched for it."""
        return prove_lock(
            spec,
            lock,
            self.offers(spec),
            self._store,
            self._progress,
            base=lambda: read_base(self._project(spec), lock, self._progress),
        )

    def has(self, spec: Spec, lock: Lock, package: str, name: str) -> bool | None:
        """Read in its wheel."""
        fetch_locked(lock, self.offers(spec), self._store, self._progress)
        entry = next((each for each in lock.artifact if each.name == package), None)
        return None if entry is None else locked_has(entry, self._store, name)

    def refused(self, spec: Spec, lock: Lock, module: str) -> str:
        """Tried in the sandbox, in a process of its own."""
        subject = self._backend.subject(self._built(spec, lock)[1])
        command = [subject.python, "-I", "-c", travelling.program("reach"), module]
        done = subject.run(command, stdin=None, timeout=PATIENCE)
        return "" if done.ok else done.stderr.strip() or f"it ended with {done.code}"

    def verified(self, spec: Spec, lock: Lock) -> tuple[Finding, ...]:
        """The verdict on a virtual environment that is thrown away again."""
        plan, environment = self._built(spec, lock)
        verdict = judge_environment(
            spec, plan, self._backend, environment, fast=False, progress=self._progress
        )
        trial = try_environment(spec, plan, self._backend, environment, self._progress)
        return (*verdict.findings, *trial.findings)

    def _built(self, spec: Spec, lock: Lock) -> tuple[Plan, Environment]:
        fetch_locked(lock, self.offers(spec), self._store, self._progress)
        cargo = collect_payload(spec.service, self._folder) if spec.service else None
        copies = collect_copies(spec.copies, self._folder)
        served = find_server(self._project(spec), lock).words
        plan = make_plan(spec, lock, cargo, served=served, copies=copies)
        return plan, self._backend.build(plan, self._folder, self._store, self._progress)

    def _project(self, spec: Spec) -> Project:
        return Project(file=self._folder / FILE_NAME, spec=spec)
