"""`envspec fix`: a search for the fewest and smallest changes after which a spec builds and verifies.

Counterexample by counterexample: lock, prove, build in a throw-away environment, judge, blame, change, again.
What contradicts is moved to the nearest version that does not. What breaks in use is first moved to where
the error itself says that it would not, then resolved as the index stood when the spec's pins were young, and
only then package by package. A candidate that does not even mend the import that failed is never judged as a
whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import itertools
import pathlib
import re
import time
from collections.abc import Iterable, Sequence

from builder.fix.blame import knows_both
from builder.fix.candidates import Candidates, era_of, lacks_library, missing_libraries
from builder.fix.deadline import Deadline, TimeIsOverError
from builder.fix.edit import AsOf, Edit, difference
from builder.fix.solving import Solving
from builder.fix.state import State, errors_of, with_edit
from builder.fix.workshop import Workshop, real_workshop
from envspec.proof.stdlib.continued import continued_in
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.errors import BuildError, FindingsError, OutsideError
from envspec.system.finding import Finding, Severity
from envspec.system.home import tool_home, write_atomic
from envspec.system.kept import Kept
from envspec.system.progress import SILENT, Progress

YOUTH = dt.timedelta(days=30)
"""How long after its youngest pin a spec's era ends: long enough for the pin's neighbours to follow."""
DOUBTING = 120.0
"""Seconds for warnings, at most."""
FEW = 4
"""Changes that are tried for one warning."""
SHOWN = 12
"""How many of the changes that were tried in vain an error names."""
_IN_USE = frozenset({rules.NAME_GONE.id, rules.ARGUMENT.id, rules.IMPORT_FAILS.id, rules.LINK_DOUBTFUL.id})
"""Rules whose warnings are mended as well where that is possible: what fails once it is used."""
_ABSENT = re.compile(r"No module named '([\w.]+)'")


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
        self.workshop = workshop
        self.deadline = deadline
        self.progress = progress
        self.edits: tuple[Edit, ...] = tuple(begun)
        """The best that is known; what the next search begins with where the time of this one ends."""
        self._solving = Solving(text, name, workshop)
        self._candidates = Candidates(workshop, self._solving, None)
        self._judgements: dict[str, State] = {}
        self._verifying: tuple[Edit, ...] | None = None
        """The edits of the candidate that is being judged as a whole, with nothing against it so far."""
        self._vain: list[str] = []
        """What was tried and did not help."""
        self._tried_for: set[tuple[str, str, Finding]] = set()
        """Texts before and after a change, and the error that it was tried for."""

    def run(self) -> str:
        """The text of a spec that verifies. Raises `FindingsError` when nothing more helps, or time ends."""
        try:
            with self.deadline.enforced():
                state = self._mended()
                self.edits = state.edits
        except TimeIsOverError:
            if self._verifying is not None:
                self.edits = self._verifying
            told = "proved, and not yet verified" if self._verifying is not None else "under way"
            raise self._gave_up(
                "the time is over", f"the last is {told}: run it again to go on there"
            ) from None
        return self._undoubted(state).text

    def _mended(self) -> State:
        """A state without errors. Raises `FindingsError` where nothing more helps."""
        state, dated = self._judged(self._solved()), False
        while errors := [error for error in state.errors if not lacks_library(state, error)]:
            self.edits = state.edits
            if (cured := self._cured(state, errors)) is not None:
                state = cured
                continue
            if not dated and self._may_be_of_its_era(state, errors):
                state, dated = self._from_its_era(state), True
                continue
            better = next(filter(None, (self._without(state, error) for error in errors)), None)
            if better is None:
                raise self._gave_up("nothing more to try")
            state = better
        if state.errors and not state.edits:
            better = next(filter(None, (self._without(state, each, FEW) for each in state.errors)), None)
            if better is None or better.errors:
                raise self._gave_up("this machine lacks what no version brings", state.errors[0].hint)
            state = better
        for error in state.errors:
            self.progress.note(f"{error.message}: {error.hint}")
        return state

    def _may_be_of_its_era(self, state: State, errors: Sequence[Finding]) -> bool:
        """Whether what the spec leaves open may have a part in an error: pins stay where they are."""
        if any(missing_libraries(state, error) for error in errors):
            return False
        return any(not (knows_both(error) and state.exact.issuperset(error.between)) for error in errors)

    def _undoubted(self, state: State) -> State:
        """The state without warnings of calls that fail, as far as a few steps do away with them in time."""
        doubts = list(state.doubts)
        try:
            with Deadline(min(self.deadline.left, DOUBTING)).enforced():
                while doubts:
                    better = self._without(state, doubts.pop(0), most=FEW)
                    if better is not None:
                        state, doubts = better, list(better.doubts)
        except TimeIsOverError:
            self.progress.note("the time for warnings is over: what is left of them stays")
        self.edits = state.edits
        return state

    def _solved(self) -> State:
        """The spec with all contradictions moved out of the way."""
        edits, past = self.edits, set[str]()
        while True:
            self._in_time()
            state, step, why = self._solving.start(edits)
            if state is not None:
                return state
            if step is None:
                raise self._gave_up(why)
            edits = self.edits = with_edit(edits, step)
            self.progress.note(f"try {step}")
            if (text := self._solving.text(edits)) in past:
                raise self._gave_up("it turned in a circle")
            past.add(text)

    def _judged(self, state: State) -> State:
        """The state with what is wrong with it; what reading refuses, and trying too, is not judged whole."""
        if state.text not in self._judgements:
            self._judgements[state.text] = self._judge(state)
        return self._judgements[state.text]

    def _judge(self, state: State) -> State:
        spec, held = state.spec, state.held
        read = errors_of(self.workshop.proved(spec, held))
        errors = [tried for error in read if (tried := self._tried(state, error)) is not None]
        if any(not lacks_library(state, error) for error in errors):
            return dataclasses.replace(state, errors=tuple(errors))
        self._verifying = state.edits
        found = self.workshop.verified(spec, held)
        self._verifying = None
        return dataclasses.replace(
            state,
            errors=errors_of(found),
            doubts=tuple(filter(_in_use, found)),
            unread=any(each.rule == rules.UNFINISHED.id for each in found),
        )

    def _tried(self, state: State, error: Finding) -> Finding | None:
        """An error of the proof with what trying tells of it; None where the import goes well."""
        if not error.module:
            return error
        said = self.workshop.refused(state.spec, state.held, error.module)
        heirs = [continued_in(module) for module in _ABSENT.findall(said)]
        between = dict.fromkeys((*error.between, *(heir for heir in heirs if heir)))
        return dataclasses.replace(error, between=tuple(between)) if said else None

    def _from_its_era(self, state: State) -> State:
        """What the spec leaves open taken from the time of its pins."""
        spec = state.spec
        if any(isinstance(edit, AsOf) for edit in state.edits):
            return state
        is_open = any(entry.name not in state.exact for entry in state.held.artifact)
        era = era_of(spec, self.workshop.offers(spec), YOUTH) if is_open else None
        if era is None:
            return state
        self._candidates = Candidates(self.workshop, self._solving, era)
        if spec.as_of is not None:
            return state
        step = AsOf(date=era, why="the other packages are taken from the time of its pins")
        back = self._solving.after(state, [step])
        if back is None or back.held.pins == state.held.pins:
            return state
        self.progress.note(f"try {step}")
        self.edits = back.edits
        return self._judged(back)

    def _without(self, state: State, error: Finding, most: int | None = None) -> State | None:
        """A state in which this is gone and nothing that was moved is wrong; None where nothing helps.

        `most` is how many changes are tried; left out, all that there are.
        """
        candidates = itertools.islice(self._candidates.of(state, error), most)
        return next(filter(None, (self._bettered(state, error, steps) for steps in candidates)), None)

    def _cured(self, state: State, errors: Sequence[Finding]) -> State | None:
        """A state after what an error itself names as its cure, where that helps."""
        candidates = self._candidates.cures(state, errors)
        return next(filter(None, (self._bettered(state, error, steps) for error, steps in candidates)), None)

    def _bettered(self, state: State, error: Finding, steps: Sequence[Edit]) -> State | None:
        """The state after steps, where the error is gone by them. Each is tried once for an error."""
        self._in_time()
        after = self._solving.after(state, steps)
        if after is None or after.text == state.text:
            return None
        if (attempt := (state.text, after.text, error)) in self._tried_for:
            return None
        self._tried_for.add(attempt)
        shown = ", ".join(step.short for step in steps)
        self.progress.note(f"try {shown}")
        try:
            if self._mends(state, after, error) and self._is_better(state, self._judged(after), error):
                return self._judged(after)
        except (BuildError, OutsideError) as failure:
            if isinstance(failure, DiskError):
                raise
            self.progress.note(f"{shown} cannot be had: {failure.message}")
        if shown not in self._vain:
            self._vain.append(shown)
        return None

    def _mends(self, before: State, after: State, error: Finding) -> bool:
        """Whether the name that was missed is there, and the one import that decides fails no more of it.

        What reading refuses is not built. Another fault may stand behind the one that is gone.
        """
        provider = error.between[-1] if error.lacks and error.between else ""
        moves = provider in before.moved(after) and provider in before.held.pins
        if moves and self.workshop.has(after.spec, after.held, provider, error.lacks) is False:
            return False
        said = self.workshop.refused(after.spec, after.held, error.module) if error.module else ""
        if not said:
            return True
        if error.lacks:
            return error.lacks.rpartition(".")[2] not in said
        return said != self.workshop.refused(before.spec, before.held, error.module)

    def _is_better(self, before: State, after: State, error: Finding) -> bool:
        """Whether the finding is gone, and nothing that was moved has brought another one."""
        told = {_identity(each) for each in (*before.errors, *before.doubts)}
        mending_doubts = error in before.doubts
        wrong = (*after.errors, *(after.doubts if mending_doubts else ()))
        moved = before.moved(after)
        fresh = [each for each in wrong if _identity(each) not in told and moved.intersection(each.between)]
        again = any(_is_same(each, error) for each in wrong)
        worse = mending_doubts and (after.errors or after.unread)  # what nobody read is not mended
        return not fresh and not again and not worse

    def _in_time(self) -> None:
        if self.deadline.left < 0:
            raise TimeIsOverError

    def _gave_up(self, why: str, more: str = "") -> FindingsError:
        tried = [*map(str, self.edits), *self._vain[:SHOWN]]
        if len(self._vain) > SHOWN:
            tried.append(f"{len(self._vain) - SHOWN} more")
        words = (f"tried: {'; '.join(tried) or 'nothing'}", more, "the spec is as it was")
        return FindingsError(f"no fix was found: {why}", (), hint="; ".join(filter(None, words)))


def _in_use(found: Finding) -> bool:
    """Whether it is a warning of two packages that do not go together, which is worth a change."""
    return found.severity is Severity.WARNING and found.rule in _IN_USE and len(found.between) > 1


def _identity(found: Finding) -> tuple[str, str, tuple[str, ...], str]:
    """What makes a finding the same one after packages have moved: versions and lines are left out."""
    return found.rule, found.where, found.between, re.sub(r"\d[\w.]*", "#", found.message)


def _is_same(found: Finding, error: Finding) -> bool:
    """Whether two packages still do not go together, or the same is wrong where none are named."""
    if found.rule == error.rule and len(found.between) > 1:
        return found.between[-2:] == error.between[-2:]
    return _identity(found) == _identity(error)


def search_fix(
    file: pathlib.Path, *, budget: float, write: bool, progress: Progress, workshop: Workshop | None = None
) -> Fixed:
    """Search for `budget` seconds, and write the spec if that is wanted: never one that was not verified.

    Raises `FindingsError` when no fix is found; the spec is then as it was.
    """
    began = time.monotonic()
    before = file.read_text(encoding="utf-8")
    kept, key = _kept(), hashlib.sha256(before.encode()).hexdigest()
    begun = kept.get(key) or ()
    if begun:
        progress.note(f"goes on with what an earlier search came to: {'; '.join(map(str, begun))}")
    with contextlib.nullcontext(workshop) if workshop else real_workshop(file, progress) as tried:
        search = Search(before, str(file), tried, Deadline(budget), progress, begun)
        try:
            text = search.run()
        except FindingsError:
            over = search.deadline.left < 0
            with contextlib.suppress(DiskError):  # it costs the next search time
                kept.put(key, search.edits if over else ())
            raise
    if write and search.edits:
        if file.read_text(encoding="utf-8") != before:
            raise FindingsError("the spec was changed meanwhile", (), hint="run `envspec fix` again")
        write_atomic(file, text)
    return Fixed(
        edits=search.edits,
        diff=difference(before, text, file.name),
        seconds=round(time.monotonic() - began, 1),
    )


def _kept() -> Kept[tuple[Edit, ...]]:
    """What searches came to whose time was over, by the digest of the spec's text."""
    return Kept(tool_home() / "fixes", tuple[Edit, ...])
