"""Packages added to a spec and taken away: solved and proved, then spec and lock are written together."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from builder.fix.wording import Wording, parsed_word, pinned_word, with_word, without
from builder.flow.moves import moves, why_wanted
from builder.flow.pipeline import prove_proposal
from builder.flow.project import Project
from builder.flow.run import Run
from builder.report.model import Report
from builder.values.request import Request
from envspec.lockfile.lock import Lock, dump_lock, lock_file, read_lock
from envspec.resolve.prefer import near_names
from envspec.spec import load
from envspec.spec.model import Spec
from envspec.spec.words import SourceWord
from envspec.system.errors import FindingsError, UsageError
from envspec.system.finding import must_fix
from envspec.system.home import holding, whole_file, write_atomic
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import listed
from envspec.system.reading import read_text


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What came of a change."""

    wordings: tuple[Wording, ...] = ()
    lines: tuple[str, ...] = ()
    """What the new lock has otherwise than the one before, and what else its user should know."""
    files: tuple[str, ...] = ()
    """What was written."""
    refused: Report | None = None
    """The report that says why nothing was written."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    """A spec as it stands, and its lock."""

    file: pathlib.Path
    text: str
    spec: Spec
    """With the variant laid over it."""
    variant: str | None
    lock: Lock | None
    """The variant's, or else the spec's own, whose versions it then keeps."""

    @property
    def named(self) -> Mapping[tuple[str, int], str]:
        """Names of sources that state none, by stage and position, as far as a lock of this spec tells."""
        if self.lock is None or not self.lock.fits(self.spec):
            return {}
        names = {source.at: source.name for source in self.lock.source if source.at}
        return {
            (stage.name, position): names[at]
            for number, stage in enumerate(self.spec.stage)
            for position, _ in stage.sources
            if (at := f"stage[{number}].install[{position}]") in names
        }

    @property
    def lock_file(self) -> pathlib.Path:
        """Where the lock of what is edited stands."""
        return lock_file(self.file, self.variant)


@contextlib.contextmanager
def _held(request: Request) -> Iterator[_Standing]:
    """The spec, held against other changes by this tool until the block ends."""
    file = load.find_spec(request.spec)
    with holding(file):
        text = read_text(file, load.LIMIT)
        spec = load.parse_spec(text, name=str(file), variant=request.variant)
        lock = read_lock(lock_file(file, request.variant)) or read_lock(lock_file(file, None))
        yield _Standing(file=file, text=text, spec=spec, variant=request.variant, lock=lock)


def add_packages(
    request: Request,
    words: Sequence[str],
    *,
    stage: str | None = None,
    leave_open: bool = False,
    write: bool = True,
    progress: Progress = SILENT,
) -> Changed:
    """Add words to a spec; one that names no version is pinned to the one found, unless it is left open.

    Raises `UsageError` for a word or a stage that means nothing, `SpecError` for a spec that does.
    """
    with _held(request) as standing:
        text, done = standing.text, list[Wording]()
        for word in words:
            text, wording = with_word(
                text,
                _below(word, standing.file.parent),
                stage=stage,
                variant=request.variant,
                named=standing.named,
            )
            done.append(wording)
        if text == standing.text:
            return Changed(wordings=tuple(done))
        before = standing.lock
        free = [wording for wording in done if wording.added and _is_free(wording.text)]
        if free and not leave_open:
            run = _tried(standing, request, text, before, "lock", progress)
            if run.lock is None:
                return Changed(refused=run.report)
            text, done = _pinned(text, done, run.lock, request.variant)
            before = run.lock
        return _finished(standing, request, text, tuple(done), before, write, progress)


def _below(word: str, folder: pathlib.Path) -> str:
    """A path as the spec has it: whoever stands in another folder writes it from there."""
    wanted = parsed_word(word)
    if not isinstance(wanted, SourceWord) or wanted.kind not in {"tree", "file"}:
        return word
    if (folder / wanted.place).exists() or not os.path.exists(wanted.place):  # noqa: PTH110
        return word
    path = pathlib.PurePath(os.path.relpath(wanted.place, folder)).as_posix()
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    return f"{'-e ' * wanted.editable}{'' if path.startswith('.') else './'}{path}{extras}{marker}"


def _is_free(word: str) -> bool:
    wanted = parsed_word(word)
    return isinstance(wanted, Requirement) and not wanted.specifier


def _pinned(text: str, done: Sequence[Wording], lock: Lock, variant: str | None) -> tuple[str, list[Wording]]:
    """The text with what was added held at the versions of a lock, which has none where a marker says so."""
    made = []
    for wording in done:
        free = wording.added and _is_free(wording.text)
        version = lock.pins.get(canonicalize_name(Requirement(wording.text).name)) if free else None
        if version is None:
            made.append(wording)
            continue
        word = pinned_word(wording.text, version)
        text, _ = with_word(text, word, variant=variant)
        made.append(dataclasses.replace(wording, text=word))
    return text, made


def remove_packages(
    request: Request, names: Sequence[str], *, write: bool = True, progress: Progress = SILENT
) -> Changed:
    """Take packages out of all stages of a spec. Raises `UsageError` for one that no stage has."""
    with _held(request) as standing:
        text, done, unknown = without(standing.text, names, variant=request.variant, named=standing.named)
        if unknown:
            raise _not_there(standing, unknown[0])
        return _finished(standing, request, text, done, standing.lock, write, progress, names)


def _not_there(standing: _Standing, name: str) -> UsageError:
    """The error of a name that no stage has, with where it is and who needs it."""
    package, spec = canonicalize_name(name), standing.spec
    held = standing.lock.pins if standing.lock is not None and standing.lock.fits(spec) else {}
    for variant, overlay in spec.variant.items() if standing.variant is None else ():
        if any(package in stage.names for stage in overlay.stage):
            return UsageError(
                f"{name} is in no stage but those of variant {variant}",
                hint=f"`--variant {variant}` takes it out there",
            )
    if standing.variant is not None and any(package in stage.names for stage in spec.stage):
        return UsageError(
            f"{name} is no word of variant {standing.variant}: the spec itself names it",
            hint="leave --variant out, or keep it out with `[variant.NAME.remove] packages`",
        )
    if standing.lock is not None and package in held:
        why = why_wanted(Project(file=standing.file, spec=spec), standing.lock, (package,))[package]
        needed = listed(why, none="others require it")
        whom = "all that require it" if len(why) > 1 else "what requires it"
        return UsageError(
            f"{name} is in no stage, and in the lock because {needed}",
            hint=f"remove {whom}, or keep it out with `[remove] packages`",
        )
    known = [name for stage in spec.stage for name in stage.names]
    return UsageError(f"{name} is in no stage of the spec", hint=near_names(name, [*known, *held]))


def _tried(
    standing: _Standing,
    request: Request,
    text: str,
    before: Lock | None,
    phase: str,
    progress: Progress,
) -> Run:
    wanted = dataclasses.replace(request, spec=standing.file, stop_after=phase)
    return prove_proposal(wanted, text, before, progress)


def _finished(
    standing: _Standing,
    request: Request,
    text: str,
    done: tuple[Wording, ...],
    before: Lock | None,
    write: bool,
    progress: Progress,
    gone: Sequence[str] = (),
) -> Changed:
    """The change proved and, unless it is wanted for show, written. `gone` names what was taken away."""
    run = _tried(standing, request, text, before, "prove", progress)
    errors = _errors(run.report)
    if run.lock is None or not run.report.sound:
        stood = _errors(_tried(standing, request, standing.text, standing.lock, "prove", progress).report)
        if run.lock is None or run.report.phase != "prove" or not errors or errors - stood:
            return Changed(refused=run.report)
    lines = list(moves(run.project, standing.lock, run.lock)) if standing.lock is not None else []
    stays = [name for name in map(canonicalize_name, gone) if name in run.lock.pins]
    for name, why in why_wanted(run.project, run.lock, stays).items():
        lines.append(f"{name} stays in the lock: {listed(why)}" if why else f"{name} stays in the lock")
    if standing.variant is None:
        lines += [f"variant {name} is locked anew when it is used next" for name in standing.spec.variant]
    if errors:
        rules = sorted({rule for rule, _ in errors})
        lines.append(f"`envspec check` refuses what it refused before: {listed(rules)}")
    files = _written(standing, text, run.lock) if write else ()
    return Changed(wordings=done, lines=tuple(lines), files=files)


def _errors(report: Report) -> frozenset[tuple[str, str]]:
    return frozenset((each.rule, each.message) for each in report.findings if must_fix((each,)))


def _written(standing: _Standing, text: str, lock: Lock) -> tuple[str, ...]:
    """Write the spec and its lock, both or neither; whoever kills it between the two finds a lock to make.

    Raises `FindingsError` where somebody else wrote the spec meanwhile, `OutsideError` when the disk refuses.
    """
    beside = standing.lock_file
    with whole_file(beside) as stream:
        stream.write(dump_lock(lock).encode())
        stream.flush()
        os.fsync(stream.fileno())  # what the disk refuses, it refuses before the spec is touched
        if read_text(standing.file, load.LIMIT) != standing.text:
            raise FindingsError("the spec was changed meanwhile", (), hint="run it again")
        write_atomic(standing.file, text)
    return str(standing.file), str(beside)
