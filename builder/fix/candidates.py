"""What may mend an error, in the order in which it is tried."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Container, Iterable, Iterator, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from builder.fix.blame import Turn, cure, turns
from builder.fix.edit import Apt, Edit, Pin, Python
from builder.fix.solving import Solving
from builder.fix.state import State
from builder.fix.workshop import Offers, Workshop
from envspec.lockfile.lock import DEFAULT_INDEX, Lock
from envspec.proof.abi.libraries import packages_brought
from envspec.proof.history.table import breaks_with
from envspec.proof.stdlib.table import Stdlib, versions
from envspec.resolve.ladder import ladder
from envspec.resolve.refusal import takes, version_of
from envspec.resolve.view import young_enough
from envspec.spec.model import Spec
from envspec.spec.pins import pinned
from envspec.supply.page import RemoteFile
from envspec.system import rules
from envspec.system.errors import OutsideError
from envspec.system.finding import Finding, Severity

_LOST = re.compile(
    r"module (?P<one>[\w.]+) is not in the standard library|Python 3\.\d+t? has no (?P<other>[\w.]+)"
)
"""How a finding names what this Python has not any more."""

_OF_PYTHONS = frozenset({rules.STDLIB_GONE.id, rules.LINK_FAILS.id, rules.NAME_GONE.id})
_OF_MACHINES = frozenset({rules.LIBRARY_MISSING.id, rules.LIBC.id, rules.PROCESSOR.id, rules.PROGRAM.id})


class Candidates:
    """Finds what to change for one error of a state."""

    def __init__(self, workshop: Workshop, solving: Solving, era: dt.date | None) -> None:
        """`era` is the end of the time of the pins that were there in the beginning."""
        self._workshop = workshop
        self._solving = solving
        self._era = era

    def cures(self, state: State, errors: Sequence[Finding]) -> Iterator[tuple[Finding, list[Edit]]]:
        """What errors themselves name as their cure, where all other pins stay: each with its step.

        What several errors say of one package is taken together where there is such a version.
        """
        offers = self._workshop.offers(state.spec)
        for error in errors:
            for name in reversed(error.between):
                turn = Turn(name=name, newer=False, added=name not in state.held.pins)
                alone = cure(error, name)
                together = alone
                for other in errors:
                    together &= cure(other, name) if name in other.between else SpecifierSet()
                for version in dict.fromkeys(
                    version
                    for demands in (together, alone)
                    for version in self._cured(state, turn, demands, offers)
                ):
                    step = _pin(state, turn, version, error)
                    if self._solving.after(state, [step], builds=False) is not None:
                        yield error, [step]

    def _cured(self, state: State, turn: Turn, demands: SpecifierSet, offers: Offers) -> list[str]:
        """The versions of a package that meet a cure and have a wheel, the nearest first."""
        held, here = state.held, state.held.pins.get(turn.name)
        if not demands or (here is not None and demands.contains(here, prereleases=True)):
            return []
        files = [
            file
            for file in self._files(state, turn, offers)
            if file.file.endswith(".whl")
            and (version := version_of(file)) is not None
            and demands.contains(version, prereleases=True)
        ]
        ways = (False, True) if here is not None else (False,)
        return [version for newer in ways for version in ladder(files, here, held.target, newer=newer)]

    def of(self, state: State, error: Finding) -> Iterator[list[Edit]]:
        """Steps to be taken together: what brings a library, else one package moved, and what must follow it.

        What nobody pinned moves before the user's own pins. Round by round each package that is blamed goes
        one step further its way, those first that leave all other pins alone. What would have to be built
        from source takes minutes: it comes after all that has wheels.
        """
        if step := missing_libraries(state, error):
            yield [step]
            return
        spec, held = state.spec, state.held
        offers = self._workshop.offers(spec)
        blamed = turns(
            error,
            held,
            age=lambda name: _uploaded(state, offers, name),
            needs=lambda name: self._workshop.needs(spec, held, name),
        )
        if error.severity is Severity.WARNING:  # a guess is worth trying for an error alone
            blamed = tuple(turn for turn in blamed if turn.name in error.between)
        own = state.exact - {edit.name for edit in state.edits if isinstance(edit, Pin)}
        groups = (
            [turn for turn in blamed if turn.name not in own],
            [turn for turn in blamed if turn.name in own],
        )
        tried: set[str] = set()
        for builds, group in itertools.product((False, True), groups):
            for steps in self._rounds(state, error, group, offers, tried, builds=builds):
                tried.add(steps[0].short)
                yield steps
        if older := _older_python(spec, error):
            yield [older]

    def _rounds(
        self,
        state: State,
        error: Finding,
        group: list[Turn],
        offers: Offers,
        tried: Container[str],
        *,
        builds: bool,
    ) -> Iterator[list[Edit]]:
        ladders = [
            [
                version
                for version in self._versions(state, error, turn, offers)
                if builds or self._has_wheel(state, turn, version, offers)
            ]
            for turn in group
        ]
        for rungs in itertools.zip_longest(*ladders):
            pairs = zip(group, rungs, strict=True)
            steps = [_pin(state, turn, version, error) for turn, version in pairs if version is not None]
            bound = []
            for step in steps:
                if step.short in tried:
                    continue
                if self._solving.after(state, [step], builds=builds) is None:
                    bound.append(step)
                else:
                    yield [step]
            yield from filter(None, (self._solving.along(state, step, builds=builds) for step in bound))

    def _versions(self, state: State, error: Finding, turn: Turn, offers: Offers) -> list[str]:
        """The versions of one turn; of what nobody pinned, the one of the era before all others."""
        held = state.held
        files = self._files(state, turn, offers)
        here = held.pins.get(turn.name)
        found = ladder(files, here, held.target, newer=turn.newer)
        if self._era and not turn.newer and turn.name not in state.exact:
            young = young_enough((file for file in files if file.uploaded), self._era)
            found = [*ladder(young, here, held.target, newer=False)[:1], *found]
        if here is not None and (known := _known_to_work(error, held, turn.name)) is not None:
            newer = Version(known) > Version(here)
            found = [*([known] if newer == turn.newer else []), *found]
        cured = cure(error, turn.name)
        named = [version for version in found if cured and cured.contains(version, prereleases=True)]
        return list(dict.fromkeys([*named, *found]))

    def _files(self, state: State, turn: Turn, offers: Offers) -> Sequence[RemoteFile]:
        """Every file of a package, from the index that it is locked from."""
        held = state.held
        index = next((entry.index for entry in held.artifact if entry.name == turn.name), DEFAULT_INDEX)
        try:
            return offers.files(index, turn.name)
        except OutsideError:
            return ()

    def _has_wheel(self, state: State, turn: Turn, version: str, offers: Offers) -> bool:
        return any(
            file.file.endswith(".whl") and str(version_of(file)) == version and takes(file, state.held.target)
            for file in self._files(state, turn, offers)
        )


def missing_libraries(state: State, error: Finding) -> Apt | None:
    """The Debian packages that bring what the base lacks, with those of an earlier step."""
    spec = state.spec
    wanted = [
        package
        for package in packages_brought(error.hint)
        if package not in spec.base.apt and not spec.base.host
    ]
    if not wanted:
        return None
    before = [package for step in state.edits if isinstance(step, Apt) for package in step.packages]
    return Apt(packages=(*before, *wanted), why=error.message)


def lacks_library(state: State, error: Finding) -> bool:
    """Whether this machine lacks something: no version brings that, and another base may have it."""
    if state.spec.base.host:
        return error.rule in _OF_MACHINES or ": the base has no " in error.message
    return error.rule in _OF_MACHINES and missing_libraries(state, error) is None


def era_of(spec: Spec, offers: Offers, youth: dt.timedelta) -> dt.date | None:
    """When the youngest exact pin was uploaded, and a little later; None without pins."""
    times = [
        file.uploaded
        for stage in spec.stage
        for requirement in stage.requirements
        if (exact := pinned(requirement)) is not None
        for file in offers.files(stage.index or DEFAULT_INDEX, canonicalize_name(requirement.name))
        if file.uploaded is not None and str(version_of(file)) == exact
    ]
    return (max(times) + youth).date() if times else None


def _known_to_work(error: Finding, held: Lock, name: str) -> str | None:
    """A version that the table of popular pairs has of the one that is missed something in."""
    if len(error.between) < 2 or name != error.between[-1] or error.between[-2] not in held.pins:
        return None
    user = error.between[-2]
    pair = breaks_with(user, held.pins[user], name, held.pins[name])
    return None if pair is None else pair.works


def _pin(state: State, turn: Turn, version: str, error: Finding) -> Pin:
    before = state.held.pins.get(turn.name)
    stages = {entry.name: entry.stage for entry in state.held.artifact}
    users = (stages[name] for name in error.between if name in stages)
    stage = stages.get(turn.name) or next(users, state.spec.stage[-1].name)
    why = f"{before} breaks: {error.message}" if before else error.message
    return Pin(name=turn.name, version=version, stage=stage, why=why)


def _uploaded(state: State, offers: Offers, name: str) -> dt.datetime | None:
    """When what is locked of a package came out."""
    entry = next(entry for entry in state.held.artifact if entry.name == name)
    try:
        files: Iterable[dt.datetime] = [
            file.uploaded
            for file in offers.files(entry.index, name)
            if file.uploaded is not None and str(version_of(file)) == entry.version
        ]
    except OutsideError:
        return None
    return min(files, default=None)


def _older_python(spec: Spec, error: Finding) -> Python | None:
    """The nearest older Python that still has what a package looks for in the standard library."""
    if (found := _LOST.search(error.message)) is None or error.rule not in _OF_PYTHONS:
        return None
    wanted = found["one"] or found["other"]
    minor = int(spec.python.rstrip("t").split(".")[1])
    older = [each for each in reversed(versions()) if int(each.split(".")[1]) < minor]
    version = next((each for each in older if _has(each, wanted)), None)
    return Python(version=version, why=error.message) if version else None


def _has(python: str, wanted: str) -> bool:
    library, (module, _, name) = Stdlib(python), wanted.rpartition(".")
    return library.has(wanted) or bool(module and name in (library.names(module) or ()))
