"""`envspec fix`: a search for the fewest and smallest changes after which a spec builds and verifies.

Counterexample by counterexample: lock, prove, build in a throw-away environment, judge, blame, change, again.
What contradicts is moved to the nearest version that does not; what breaks in use is first resolved as the
index stood when the spec's pins were young, and only then package by package.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import pathlib
import re
import time
from collections.abc import Iterable, Iterator

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from builder.fix.deadline import Deadline, TimeIsOverError
from builder.fix.edit import (
    Apt,
    AsOf,
    Edit,
    Pin,
    Python,
    difference,
    edited,
    mentioned,
    nearest,
    other_python,
)
from builder.fix.workshop import Offers, RealWorkshop, Workshop
from envspec.lockfile.lock import DEFAULT_INDEX, Lock
from envspec.proof.abi.libraries import packages_brought
from envspec.resolve.refusal import version_of
from envspec.resolve.view import young_enough
from envspec.spec import load
from envspec.spec.lint import lint_spec
from envspec.spec.model import Spec
from envspec.spec.pins import pinned
from envspec.spec.target import target_of
from envspec.supply.page import RemoteFile
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.errors import FindingsError, OutsideError
from envspec.system.finding import Finding, Severity
from envspec.system.home import tool_home, write_atomic
from envspec.system.kept import Kept
from envspec.system.progress import SILENT, Progress

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

    def __init__(
        self,
        text: str,
        name: str,
        workshop: Workshop,
        deadline: Deadline,
        progress: Progress = SILENT,
        begun: Iterable[Edit] = (),
    ) -> None:
        """`text` is the spec's, `name` what errors call it; `begun` is what an earlier search came to."""
        self.text = text
        self.name = name
        self.workshop = workshop
        self.deadline = deadline
        self.progress = progress
        self.edits: list[Edit] = [*begun]
        self._proved: tuple[Edit, ...] | None = None
        """The edits of the last candidate that the proof found nothing against."""
        self._excluded: dict[str, SpecifierSet] = {}
        self._past: set[str] = set()
        self._said = ""
        """The solver's last explanation."""
        self._nothing: list[str] = []
        """Packages that had no file for the target, or whose index could not be asked."""
        self._era: dt.date | None = None
        """The end of the time of the pins that were there before packages were blamed."""
        self._blaming = False

    def run(self) -> str:
        """The text of a spec that verifies. Raises `FindingsError` when nothing more helps, or time ends."""
        try:
            with self.deadline.enforced():
                return self._search()
        except TimeIsOverError:
            state = "proved, and not yet verified" if self._proved == tuple(self.edits) else "under way"
            raise self._gave_up(
                "the time is over", f"the last is {state}: run it again to go on there"
            ) from None

    def _search(self) -> str:
        while True:
            text = edited(self.text, self.edits)
            if text in self._past:
                raise self._gave_up("it turned in a circle")
            self._past.add(text)
            if (step := self._next(load.parse_spec(text, name=self.name))) is None:
                return text
            if self.deadline.left < 0:
                raise TimeIsOverError
            self._take(step)

    def _next(self, spec: Spec) -> Edit | None:
        """What to change next; None when the spec verifies as it stands."""
        if wrong := _errors(lint_spec(spec)):
            raise self._gave_up(wrong[0].message)
        offers = self.workshop.offers(spec)
        held = self._lock(spec, offers)
        if held is None:
            step = self._unsolved(spec, offers)
        else:
            errors = _errors(self.workshop.proved(spec, held))
            if not errors:
                self._proved = tuple(self.edits)
                errors = _errors(self.workshop.verified(spec, held))
            if not errors:
                return None
            step = self._blamed(spec, held, offers, errors)
        if step is None:
            raise self._gave_up("nothing more to try")
        return step

    def _take(self, step: Edit) -> None:
        """Add an edit; one that speaks of the same thing takes the place of the earlier one."""
        same = [
            edit
            for edit in self.edits
            if type(edit) is type(step) and getattr(edit, "name", "") == getattr(step, "name", "")
        ]
        self.edits = [*(edit for edit in self.edits if edit not in same), step]
        self.progress.note(f"try {step}")

    def _lock(self, spec: Spec, offers: Offers) -> Lock | None:
        self._said, self._nothing = "", []
        try:
            return self.workshop.lock(spec)
        except FindingsError as error:
            self._said = " ".join(finding.message for finding in error.findings)
            self._nothing = [finding.where for finding in error.findings if finding.rule == rules.NO_FILE.id]
            return None
        except DiskError:
            raise
        except OutsideError as error:
            if not offers.unreachable:
                raise
            # What stands in for that index may contradict a pin: the solver's words are behind the error.
            self._said = str(error.__cause__ or "")
            self._nothing = [
                canonicalize_name(requirement.name)
                for stage in spec.stage
                if stage.index in offers.unreachable
                for requirement in stage.requirements
            ]
            return None

    def _unsolved(self, spec: Spec, offers: Offers) -> Edit | None:
        """The smallest change that may resolve a contradiction, or a package without a file."""
        if step := self._moved_pin(spec, offers):
            return step
        target = target_of(spec)
        for name in self._nothing:
            index = _index_of(spec, name)
            with contextlib.suppress(OutsideError):
                if version := other_python(_allowed(spec, name, offers.files(index, name)), target):
                    why = f"{name} is offered for it, and not for Python {spec.python}"
                    return Python(version=version, why=why)
        return None

    def _moved_pin(self, spec: Spec, offers: Offers) -> Pin | None:
        for stage in spec.stage:
            for requirement in stage.requirements:
                name, exact = canonicalize_name(requirement.name), pinned(requirement)
                demands = mentioned(self._said, name)
                absent = name in self._nothing and stage.index not in offers.unreachable
                if exact is None or not (str(demands) or absent):
                    continue
                files = offers.files(stage.index or DEFAULT_INDEX, name)
                if absent and any(version_of(file) == Version(exact) for file in files):
                    continue  # it is offered, for other machines
                if version := nearest(files, exact, demands, target_of(spec)):
                    why = f"{name}{demands} is required" if str(demands) else f"there is no {name} {exact}"
                    return Pin(name=name, version=version, stage=stage.name, why=why)
        return None

    def _blamed(self, spec: Spec, held: Lock, offers: Offers, errors: list[Finding]) -> Edit | None:
        """What brings a library, else the era of the pins, else an older version of a package that is blamed.

        The user's own pins are the last to move.
        """
        if step := _missing(spec, errors, [edit for edit in self.edits if isinstance(edit, Apt)]):
            return step
        if not self._blaming:
            self._blaming, self._era = True, _era(spec, offers)
            if self._era and spec.as_of is None and self._solvable(self._era):
                why = "the other packages are taken from the time of its pins"
                return AsOf(date=self._era, why=why)
        asked = {
            canonicalize_name(requirement.name)
            for stage in spec.stage
            for requirement in stage.requirements
            if pinned(requirement)
        }
        moved = {edit.name for edit in self.edits if isinstance(edit, Pin)}
        named = [(name, error) for error in errors for name in _packages(error, held)]
        # First what nobody pinned, then what the search did, then the user's own.
        turns = sorted(named, key=lambda entry: (entry[0] in asked) + (entry[0] in asked - moved))
        steps = (self._older(held, offers, name, error) for name, error in turns)
        return next(filter(None, steps), None)

    def _solvable(self, era: dt.date) -> bool:
        """Whether there is a solution as of that day: what no index dates may want younger neighbours."""
        text = edited(self.text, [*self.edits, AsOf(date=era, why="")])
        try:
            self.workshop.lock(load.parse_spec(text, name=self.name))
        except DiskError:
            raise
        except (FindingsError, OutsideError):
            return False
        return True

    def _older(self, held: Lock, offers: Offers, name: str, error: Finding) -> Pin | None:
        """The version of the era, where that is older than the one that breaks; else the next older one."""
        entry = next(entry for entry in held.artifact if entry.name == name)
        below = self._excluded.get(name, SpecifierSet()) & SpecifierSet(f"<{entry.version}")
        self._excluded[name] = below
        files = offers.files(entry.index, name)
        young = young_enough((file for file in files if self._era and file.uploaded), self._era)
        version = nearest(young, entry.version, below, held.target) or nearest(
            files, entry.version, below, held.target
        )
        if version is None:
            return None
        return Pin(
            name=name, version=version, stage=entry.stage, why=f"{entry.version} breaks: {error.message}"
        )

    def _gave_up(self, why: str, more: str = "") -> FindingsError:
        tried = "; ".join(map(str, self.edits)) or "nothing"
        hint = "; ".join(filter(None, (f"tried: {tried}", more, "the spec is as it was")))
        return FindingsError(f"no fix was found: {why}", (), hint=hint)


def _missing(spec: Spec, errors: Iterable[Finding], before: Iterable[Apt]) -> Apt | None:
    """The Debian packages that bring what the base lacks, with those of the step `before` this one."""
    wanted = {
        package: error.message
        for error in errors
        for package in packages_brought(error.hint)
        if package not in spec.base.apt and not spec.base.host
    }
    if not wanted:
        return None
    packages = (*(package for step in before for package in step.packages), *wanted)
    return Apt(packages=packages, why=next(iter(wanted.values())))


def _era(spec: Spec, offers: Offers) -> dt.date | None:
    """When the youngest exact pin was uploaded, and a little later; None without pins."""
    times = [
        file.uploaded
        for stage in spec.stage
        for requirement in stage.requirements
        if (exact := pinned(requirement)) is not None
        for file in offers.files(stage.index or DEFAULT_INDEX, canonicalize_name(requirement.name))
        if file.uploaded is not None and str(version_of(file)) == exact
    ]
    return (max(times) + YOUTH).date() if times else None


def _index_of(spec: Spec, name: str) -> str:
    stages = [stage for stage in spec.stage if name in stage.names]
    return (stages[0].index if stages else None) or DEFAULT_INDEX


def _allowed(spec: Spec, name: str, files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The files of the versions that the spec's own words allow."""
    words = [word for stage in spec.stage for word in stage.requirements]
    limits = [word.specifier for word in words if canonicalize_name(word.name) == name]
    return [
        file
        for file in files
        if (version := version_of(file)) is not None
        and all(limit.contains(version, prereleases=True) for limit in limits)
    ]


def _packages(error: Finding, held: Lock) -> Iterator[str]:
    """Locked packages that an error names: where it stands first, then those in its text.

    The text of an import that fails ends with the package that it misses something in: that one goes first.
    """
    places = [canonicalize_name(place) for place in (re.split("[.:/]", error.where)[0], error.where)]
    words = error.message.lower().split()
    said = sorted((name for name in held.pins if name in words), key=words.index)
    found = list(dict.fromkeys(name for name in (*places, *said) if name in held.pins))
    yield from reversed(found) if error.rule == rules.LINK_FAILS.id else found


def _errors(found: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity is Severity.ERROR]


def search_fix(
    file: pathlib.Path, *, budget: float, write: bool, progress: Progress, workshop: Workshop | None = None
) -> Fixed:
    """Search for `budget` seconds, and write the spec if that is wanted: never one that was not verified.

    Raises `FindingsError` when no fix is found; the spec is then as it was.
    """
    began = time.monotonic()
    before = file.read_text(encoding="utf-8")
    tried = workshop or RealWorkshop(file, progress)
    kept, key = _kept(), hashlib.sha256(before.encode()).hexdigest()
    begun = kept.get(key) or ()
    if begun:
        progress.note(f"goes on with what an earlier search came to: {'; '.join(map(str, begun))}")
    search = Search(before, str(file), tried, Deadline(budget), progress, begun)
    try:
        text = search.run()
    except FindingsError:
        over = search.deadline.left < 0
        with contextlib.suppress(DiskError):  # it costs the next search time
            kept.put(key, tuple(search.edits) if over else ())
        raise
    if write and search.edits:
        if file.read_text(encoding="utf-8") != before:
            raise FindingsError("the spec was changed meanwhile", (), hint="run `envspec fix` again")
        write_atomic(file, text)
    return Fixed(
        edits=tuple(search.edits),
        diff=difference(before, text, file.name),
        seconds=round(time.monotonic() - began, 1),
    )


def _kept() -> Kept[tuple[Edit, ...]]:
    """What searches came to whose time was over, by the digest of the spec's text."""
    return Kept(tool_home() / "fixes", tuple[Edit, ...])
