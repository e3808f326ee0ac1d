"""From edits of a spec to a state that is locked: contradictions are moved out of the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from builder.fix.edit import Edit, Pin, Python, edited, loosened, mentioned, nearest, other_python
from builder.fix.state import State, errors_of, with_edit
from builder.fix.workshop import Offers, Workshop
from envspec.lockfile.lock import DEFAULT_INDEX, Lock
from envspec.resolve.refusal import as_of, there_by, version_of
from envspec.spec import load
from envspec.spec.lint import lint_spec
from envspec.spec.model import Spec
from envspec.spec.pins import pinned
from envspec.spec.target import target_of
from envspec.supply.page import RemoteFile
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.errors import FindingsError, OutsideError


class Solving:
    """Locks texts that a spec could have, each once."""

    def __init__(self, text: str, name: str, workshop: Workshop) -> None:
        """`text` is the spec's, `name` what errors call it."""
        self._text = text
        self._name = name
        self._workshop = workshop
        self._known: dict[tuple[str, bool], State | None] = {}
        """By the text, and whether wheels alone were taken."""
        self._said = ""
        """The solver's last explanation."""
        self._nothing: list[str] = []
        """Packages that had no file for the target, or whose index could not be asked."""

    def text(self, edits: Iterable[Edit]) -> str:
        """What the edits make of the spec's text."""
        return edited(self._text, edits)

    def start(self, edits: tuple[Edit, ...]) -> tuple[State | None, Edit | None, str]:
        """The state that the edits make; else the step that may make it one; else why there is none."""
        text = self.text(edits)
        spec = load.parse_spec(text, name=self._name)
        if wrong := errors_of(lint_spec(spec)):
            return None, None, wrong[0].message
        offers = self._workshop.offers(spec)
        held = self._lock(spec, offers)
        if held is None:
            return None, self._unsolved(spec, offers), "nothing more to try"
        return State(edits=edits, text=text, spec=spec, held=held), None, ""

    def after(self, state: State, steps: Sequence[Edit], *, builds: bool = True) -> State | None:
        """The state after some steps; None where the other pins contradict them.

        Without `builds` there is none either where something would have to be built that has a wheel now.
        """
        edits = state.edits
        for step in steps:
            edits = with_edit(edits, step)
        text = self.text(edits)
        for wheels in (True, False) if builds else (True,):
            if (text, wheels) not in self._known:
                spec = load.parse_spec(text, name=self._name)
                held = None
                if not errors_of(lint_spec(spec)):
                    offers, moved = self._workshop.offers(spec), _moved(steps)
                    held = self._lock(spec, offers, state.held, moved, wheels=wheels)
                self._known[text, wheels] = (
                    None if held is None else State(edits=edits, text=text, spec=spec, held=held)
                )
            if (known := self._known[text, wheels]) is not None or _has_built(state.held):
                return known
        return None

    def along(self, state: State, step: Pin, *, builds: bool = True) -> list[Edit] | None:
        """The step with all pins that must go with it; None where it cannot be made at all.

        `builds` as of `after`.
        """
        text = loosened(self.text(with_edit(state.edits, step)), keep={step.name})
        spec = load.parse_spec(text, name=self._name)
        held = self._lock(spec, self._workshop.offers(spec), state.held, wheels=not builds)
        if held is None:
            return None
        stages = {entry.name: entry.stage for entry in held.artifact}
        moved = [
            Pin(name=name, version=version, stage=stages[name], why=f"goes with {step.short}")
            for name, version in sorted(held.pins.items())
            if name in state.exact and name != step.name and state.held.pins.get(name) != version
        ]
        return [step, *moved]

    def _lock(
        self,
        spec: Spec,
        offers: Offers,
        before: Lock | None = None,
        moved: tuple[str, str] | None = None,
        *,
        wheels: bool = False,
    ) -> Lock | None:
        """`wheels` builds nothing, unless what was locked before has been built as well."""
        self._said, self._nothing = "", []
        wheels = wheels and not (before is not None and _has_built(before))
        try:
            return self._workshop.lock(spec, before, moved, wheels=wheels)
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
                if version := other_python(_allowed(spec, name, _files(spec, offers, index, name)), target):
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
                files = _files(spec, offers, stage.index or DEFAULT_INDEX, name)
                if absent and any(version_of(file) == Version(exact) for file in files):
                    continue  # it is offered, for other machines
                if version := nearest(files, exact, demands, target_of(spec)):
                    why = f"{name}{demands} is required" if str(demands) else f"there is no {name} {exact}"
                    return Pin(name=name, version=version, stage=stage.name, why=why)
        return None


def _moved(steps: Sequence[Edit]) -> tuple[str, str] | None:
    """The one package that the steps move, where they do nothing else."""
    match steps:
        case [Pin(name=name, version=version)]:
            return name, version
    return None


def _has_built(held: Lock) -> bool:
    """Whether a lock has what had to be built of its source."""
    return any(entry.wheel is not None for entry in held.artifact)


def _index_of(spec: Spec, name: str) -> str:
    stages = [stage for stage in spec.stage if name in stage.names]
    return (stages[0].index if stages else None) or DEFAULT_INDEX


def _files(spec: Spec, offers: Offers, index: str, name: str) -> Sequence[RemoteFile]:
    """The files of a package that were there by the day that the spec names."""
    return there_by(offers.files(index, name), as_of(spec, name)[0])


def _allowed(spec: Spec, name: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """The files of the versions that the spec's own words allow."""
    words = [word for stage in spec.stage for word in stage.requirements]
    limits = [word.specifier for word in words if canonicalize_name(word.name) == name]
    return [
        file
        for file in files
        if (version := version_of(file)) is not None
        and all(limit.contains(version, prereleases=True) for limit in limits)
    ]
