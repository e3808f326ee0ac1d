"""`envspec fix`: a search for the fewest and smallest changes after which a spec builds and verifies.

Counterexample by counterexample: solve, build in a throw-away environment, verify, blame, exclude, again.
What contradicts is moved to the nearest version that does not; what breaks in use is first resolved as the
index stood when the spec's pins were young, and only then package by package.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import pathlib
import shutil
import time
from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from builder.backends.virtualenv import VirtualenvBackend
from builder.judgement import judged
from builder.payload import collect
from builder.plan import plan as make_plan
from envspec import load
from envspec.errors import FindingsError, OutsideError
from envspec.fetch import fetch
from envspec.finding import Finding, Severity
from envspec.home import home, write_atomic
from envspec.lock import DEFAULT_INDEX, Lock
from envspec.machine import machine
from envspec.pins import pinned
from envspec.progress import Progress
from envspec.repair import (
    AsOf,
    Edit,
    Pin,
    Python,
    difference,
    edited,
    mentioned,
    nearest,
    other_python,
    version_of,
)
from envspec.resolve.resolver import resolve
from envspec.sources import Sources
from envspec.spec import Spec
from envspec.target import of as target_of
from envspec.wheelhouse import Wheelhouse

YOUTH = dt.timedelta(days=30)
"""How long after its youngest pin a spec's era ends: long enough for the pin's neighbours to follow."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """What the search found."""

    edits: tuple[Edit, ...]
    """Empty when the spec was fine as it stood."""
    diff: str
    seconds: float


class Search:
    """One search under way."""

    def __init__(self, file: pathlib.Path, budget: float, progress: Progress) -> None:
        self.file = file
        self.text = file.read_text(encoding="utf-8")
        self.progress = progress
        self.edits: list[Edit] = []
        self.store = Wheelhouse(home() / "wheelhouse")
        self._ends = time.monotonic() + budget
        self._excluded: dict[str, SpecifierSet] = {}
        self._past: set[str] = set()
        self._said = ""
        """The solver's last explanation."""
        self._nothing: list[str] = []
        """Packages that had no file for the target, or whose index could not be asked."""

    def run(self) -> None:
        """Search until what the edits give verifies. Raises `FindingsError` when nothing more helps."""
        while True:
            text = edited(self.text, self.edits)
            if text in self._past or time.monotonic() > self._ends:
                raise self._gave_up("the time is over" if text not in self._past else "it turned in a circle")
            self._past.add(text)
            spec = load.parse(text, name=str(self.file))
            sources = Sources(spec, machine()).within(self.file.parent)
            step = self._unsolved(spec, sources) if (held := self._lock(spec, sources)) is None else None
            if held is not None:
                errors = self._verify(spec, held, sources)
                if not errors:
                    return
                step = self._blamed(spec, held, sources, errors)
            if step is None:
                raise self._gave_up("nothing more to try")
            self._take(step)

    def _take(self, step: Edit) -> None:
        """Add an edit; one that speaks of the same thing takes the place of the earlier one."""
        same = [
            edit
            for edit in self.edits
            if type(edit) is type(step) and getattr(edit, "name", "") == getattr(step, "name", "")
        ]
        self.edits = [*(edit for edit in self.edits if edit not in same), step]
        self.progress.note(f"try {step}")

    def _lock(self, spec: Spec, sources: Sources) -> Lock | None:
        self._said, self._nothing = "", []
        try:
            return resolve(spec, sources, self.store, progress=self.progress)
        except FindingsError as error:
            self._said = " ".join(finding.message for finding in error.findings)
            self._nothing = [finding.where for finding in error.findings if finding.rule == "EV102"]
            return None
        except OutsideError:
            if not sources.unreachable:
                raise
            self._nothing = [
                canonicalize_name(requirement.name)
                for stage in spec.stage
                if stage.index in sources.unreachable
                for requirement in stage.requirements
            ]
            return None

    def _unsolved(self, spec: Spec, sources: Sources) -> Edit | None:
        """The smallest change that may resolve a contradiction, or a package without a file."""
        if step := self._moved_pin(spec, sources):
            return step
        target = target_of(spec)
        for name in self._nothing:
            index = _index_of(spec, name)
            with contextlib.suppress(OutsideError):
                if version := other_python(sources.files(index, name), target):
                    why = f"{name} is offered for it, and not for Python {spec.python}"
                    return Python(version=version, why=why)
        return None

    def _moved_pin(self, spec: Spec, sources: Sources) -> Pin | None:
        for stage in spec.stage:
            for requirement in stage.requirements:
                name, exact = canonicalize_name(requirement.name), pinned(requirement)
                demands = mentioned(self._said, name)
                if exact is None or not str(demands):
                    continue
                files = sources.files(stage.index or DEFAULT_INDEX, name)
                if version := nearest(files, exact, demands, target_of(spec)):
                    return Pin(
                        name=name, version=version, stage=stage.name, why=f"{name}{demands} is required"
                    )
        return None

    def _verify(self, spec: Spec, held: Lock, sources: Sources) -> list[Finding]:
        """Errors of the environment that the lock gives; it is built, judged and thrown away."""
        fetch(held, sources, self.store, self.progress)
        cargo = collect(spec.service, self.file.parent) if spec.service else None
        plan = make_plan(spec, held, cargo)
        backend = VirtualenvBackend()
        environment = backend.build(plan, self.file.parent, self.store, self.progress)
        try:
            facts = judged(spec, plan, backend, environment, fast=False, progress=self.progress)
        finally:
            if not environment.reused:
                shutil.rmtree(environment.reference, ignore_errors=True)
        found = map(Finding.from_dict, facts["findings"])
        return [finding for finding in found if finding.severity is Severity.ERROR]

    def _blamed(self, spec: Spec, held: Lock, sources: Sources, errors: list[Finding]) -> Edit | None:
        """The era of the pins first; then an older version of a package that an error names."""
        if spec.as_of is None and (era := self._era(spec, sources)):
            return AsOf(date=era, why="its other packages are taken from the time of its pins")
        asked = {
            canonicalize_name(requirement.name)
            for stage in spec.stage
            for requirement in stage.requirements
            if pinned(requirement)
        }
        pinned_here = {edit.name for edit in self.edits if isinstance(edit, Pin)}
        for error in errors:
            for name in _packages(error, held):
                if name in asked - pinned_here:
                    continue  # the user's own pins are the last to move
                if step := self._older(held, sources, name, error):
                    return step
        return None

    def _era(self, spec: Spec, sources: Sources) -> dt.date | None:
        """When the youngest exact pin was uploaded, and a little later; None without pins."""
        times = [
            file.uploaded
            for stage in spec.stage
            for requirement in stage.requirements
            if (exact := pinned(requirement)) is not None
            for file in sources.files(stage.index or DEFAULT_INDEX, canonicalize_name(requirement.name))
            if file.uploaded is not None and str(version_of(file)) == exact
        ]
        return (max(times) + YOUTH).date() if times else None

    def _older(self, held: Lock, sources: Sources, name: str, error: Finding) -> Pin | None:
        entry = next(entry for entry in held.artifact if entry.name == name)
        below = self._excluded.get(name, SpecifierSet()) & SpecifierSet(f"<{entry.version}")
        self._excluded[name] = below
        version = nearest(sources.files(entry.index, name), entry.version, below, held.target)
        if version is None:
            return None
        return Pin(
            name=name, version=version, stage=entry.stage, why=f"{entry.version} breaks: {error.message}"
        )

    def _gave_up(self, why: str) -> FindingsError:
        tried = "; ".join(map(str, self.edits)) or "nothing"
        return FindingsError(f"no fix was found: {why}", (), hint=f"tried: {tried}; the spec is as it was")


def _index_of(spec: Spec, name: str) -> str:
    stages = [stage for stage in spec.stage if name in stage.names]
    return (stages[0].index if stages else None) or DEFAULT_INDEX


def _packages(error: Finding, held: Lock) -> Iterator[str]:
    """Locked packages that an error names: where it stands first, then those in its text."""
    for place in (error.where.split(".")[0].split(":")[0], error.where):
        if canonicalize_name(place) in held.pins:
            yield canonicalize_name(place)
    yield from (name for name in held.pins if name in error.message.lower().split())


def fix(file: pathlib.Path, *, budget: float, write: bool, progress: Progress) -> Fixed:
    """Search, and write the spec if that is wanted: never one that was not verified.

    Raises `FindingsError` when no fix is found; the spec is then as it was.
    """
    began = time.monotonic()
    search = Search(file, budget, progress)
    search.run()
    text = edited(search.text, search.edits)
    if write and search.edits:
        if file.read_text(encoding="utf-8") != search.text:
            raise FindingsError("the spec was changed meanwhile", (), hint="run `envspec fix` again")
        write_atomic(file, text)
    return Fixed(
        edits=tuple(search.edits),
        diff=difference(search.text, text, file.name),
        seconds=round(time.monotonic() - began, 1),
    )
