"""Keeping what a lock of another tool holds: its versions and files as they are, nothing solved.

What the lock tells is not asked for anywhere. What cannot be fetched or built here is held open, and what
cannot be held at all is left and named: one such package never costs the others.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from envspec.ingest.draft import Pin
from envspec.lockfile.lock import DEFAULT_INDEX, SPEC_WHEEL, Artifact, File, Lock, LockedSource
from envspec.resolve.graph import assign, closure, needed
from envspec.resolve.resolver import assembled, known_file, open_wheels, stage_roots, usable_files
from envspec.source.package import revision_digest
from envspec.source.sdist import built_wheel
from envspec.source.yard import SourceYard
from envspec.spec.model import Spec
from envspec.spec.target import Target, target_of
from envspec.spec.types import Libc
from envspec.spec.words import ARCHIVES, SourceWord, source_word
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import WORKERS, Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import BuildError, EnvspecError, FindingsError, OutsideError
from envspec.system.interpreter import find_interpreter
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import listed, quoted_output, shortened


class UnkeptError(OutsideError):
    """A lock of another tool is not kept: it does not hold all that its spec needs, or another version."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What was kept of a lock of another tool."""

    lock: Lock
    notes: tuple[str, ...] = ()
    """A sentence for each package that is held open or left, and why."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One package as far as it can be held."""

    artifact: Artifact | None = None
    source: LockedSource | None = None
    metadata: WheelMetadata | None = None
    """None where nobody knows what it requires."""
    note: str = ""


def refuse_unasked(spec: Spec, target: Target, pins: Sequence[Pin]) -> None:
    """Raise `UnkeptError` where the spec asks for what no pin gives: told before anything is fetched."""
    asked = [requirement for stage in spec.stage for requirement in stage.requirements]
    if lacking := list(_lacking(asked, {pin.name: pin.version for pin in pins}, target)):
        raise UnkeptError(f"it does not hold {listed(lacking)}, which the spec asks for")


def keep_lock(
    spec: Spec,
    sources: Sources,
    store: Wheelhouse,
    pins: Sequence[Pin],
    *,
    by: str,
    image_digest: str | None = None,
    libc: Libc | None = None,
    progress: Progress = SILENT,
) -> Kept:
    """The lock of a spec with the versions and digests of `pins`; `by` names where they come from.

    Raises `UnkeptError` where the spec asks for what no pin gives, and `SpecError` for a word of it that
    means nothing here.
    """
    target = target_of(spec, libc)
    sources.progress = progress
    progress.step("keep")
    open_wheels(spec, sources)
    refuse_unasked(spec, target, pins)
    keeper = _Keeper(spec=spec, target=target, sources=sources, store=store, progress=progress)
    own, asked = keeper.sources_of([pin for pin in pins if pin.word])
    named = [pin for pin in pins if not pin.word and pin.name not in own]
    with (
        progress.task("keep", len(named)),
        concurrent.futures.ThreadPoolExecutor(WORKERS) as pool,
    ):
        held = {**own, **dict(zip((pin.name for pin in named), pool.map(keeper.keep, named), strict=True))}
    known = {name: each.metadata for name, each in held.items() if each.metadata is not None}
    without = frozenset(map(canonicalize_name, spec.remove.packages))
    roots = stage_roots(spec, asked)
    placed = assign(roots, _standing(held, known), target, without=without)
    loose = {pin.name for pin in pins if pin.loose}
    first = spec.stage[0].name

    def stage(name: str) -> str | None:
        """Where a package is installed: first, where nobody knows who needs it."""
        return None if name in without else placed.get(name, None if name in loose else first)

    artifacts = [each.artifact for each in held.values() if each.artifact is not None]
    if not artifacts and not any(each.source for each in held.values()):
        raise UnkeptError("none of its packages can be held: " + "; ".join(_notes(held.values())))
    gaps = list(_gaps((root for _, each in roots for root in each), held, known, target, spec))
    return Kept(
        lock=assembled(
            spec,
            target,
            by,
            artifacts=[
                artifact.model_copy(update={"stage": place})
                for artifact in artifacts
                if (place := stage(artifact.name)) is not None
            ],
            sources=[
                each.source.model_copy(update={"stage": place})
                for name, each in held.items()
                if each.source is not None and (place := stage(name)) is not None
            ],
            removed=without & known.keys(),
            image_digest=image_digest,
        ),
        notes=(
            *_notes(held.values()),
            *([f"it does not hold {listed(gaps)}, which its packages say that they need"] if gaps else ()),
        ),
    )


def _notes(held: Iterable[Held]) -> Iterator[str]:
    yield from (each.note for each in held if each.note)


def _standing(held: Mapping[str, Held], known: Mapping[str, WheelMetadata]) -> dict[str, WheelMetadata]:
    """What is known of each, with nothing required where that is not known."""
    return {name: known.get(name, WheelMetadata(name=name, version="0")) for name in held}


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Keeper:
    """Who holds pins: for one spec, with what this machine has."""

    spec: Spec
    target: Target
    sources: Sources
    store: Wheelhouse
    progress: Progress

    def sources_of(self, pins: Sequence[Pin]) -> tuple[dict[str, Held], dict[str, Requirement]]:
        """The spec's own words, taken where possible and else held open; and what they ask for, by place."""
        known = {_place(word): pin for pin in pins if (word := source_word(pin.word)) is not None}
        words = {at: word for at, (_, word) in self.spec.sources.items()}
        commits = {
            revision_digest(word): pin.commit
            for word in words.values()
            if word.kind == "git" and (pin := known.get(_place(word))) is not None and pin.commit
        }
        yard = SourceYard(
            spec=self.spec, sources=self.sources, store=self.store, progress=self.progress, commits=commits
        )
        failed: dict[str, EnvspecError] = {}
        held: dict[str, Held] = {}
        asked: dict[str, Requirement] = {}
        for package in yard.take_all(failed):
            held[package.name] = Held(
                artifact=package.artifact(self.spec.stage[0].name),
                source=package.locked(self.spec.stage[0].name),
                metadata=package.metadata,
            )
            if package.at:
                asked[package.at] = package.requirement
        for at, error in failed.items():
            name, open_source = self._open(at, words[at], known.get(_place(words[at])), error)
            held[name] = open_source
            asked[at] = words[at].requirement(name)
        return held, asked

    def _open(self, at: str, word: SourceWord, pin: Pin | None, error: EnvspecError) -> tuple[str, Held]:
        """A source that could not be taken, held by what the lock tells of it."""
        name = word.name or (pin.name if pin is not None else "")
        if not name:
            raise UnkeptError(f"{word.shown} is no package that it names, and {_why(error)}") from error
        commit = (word.revision if word.fixed else pin.commit if pin else "") if word.kind == "git" else ""
        file = next((each for each in (pin.files if pin else ()) if each.file == word.file_name), None)
        artifact = None
        if word.kind in {"url", "file"} and file is not None and pin is not None and pin.version:
            artifact = Artifact(
                name=name,
                version=pin.version,
                stage=self.spec.stage[0].name,
                index=SPEC_WHEEL,
                file=file.file,
                sha256=file.sha256,
                size=file.size or 0,
            )
        source = LockedSource(
            name=name,
            stage=self.spec.stage[0].name,
            at=at,
            path=word.place if word.kind == "tree" else None,
            commit=commit or None,
            word=revision_digest(word) if commit else None,
        )
        what = "its commit" if commit else "its digest" if artifact else "its place"
        return name, Held(
            artifact=artifact,
            source=source,
            metadata=_told(pin) if pin is not None else None,
            note=f"of {word.shown} the lock holds {what} alone, until a run takes it: {_why(error)}",
        )

    def keep(self, pin: Pin) -> Held:
        """One package of an index: as the lock tells it, and what that leaves open as an index tells it."""
        index = self._index(pin)
        prebuilt = {canonicalize_name(name) for stage in self.spec.stage for name in stage.prebuilt}
        told = [
            RemoteFile(file=each.file, url=each.url, sha256=each.sha256, size=each.size)
            for each in pin.files
            if _holds(each.file, pin)
        ]
        usable = usable_files(told, self.target, sources=pin.name not in prebuilt)
        why = ""
        offered: list[RemoteFile] = []
        if not usable or usable[0].size is None:
            offered, why = self._offered(pin, index)
            if not offered and not usable and pin.files and index != DEFAULT_INDEX:
                index = DEFAULT_INDEX  # the same digest is the same file, wherever it is had
                offered, why = self._offered(pin, index)
            if usable:
                same = (each for each in offered if each.sha256 == usable[0].sha256)
                usable[0] = next(same, usable[0])
            elif not told:
                usable = usable_files(offered, self.target, sources=pin.name not in prebuilt)
        if not usable:
            if told or offered:
                why = f"it has no file for Python {self.target.python}, {self.target.platform}"
            return Held(note=f"{pin.name} {pin.version} is not in the lock: {why}")
        return self._held(pin, index, usable[0])

    def _index(self, pin: Pin) -> str:
        names = {index.url: name for name, index in self.spec.index.items() if not index.extra}
        return names.get(pin.index_url or "", DEFAULT_INDEX)

    def _offered(self, pin: Pin, index: str) -> tuple[list[RemoteFile], str]:
        """The files of an index that the pin allows; without any, why not."""
        try:
            offered, unasked = self.sources.answered(index, pin.name)
        except OutsideError as error:
            offered, unasked = (), error.message
        wanted = {each.sha256 for each in pin.files}
        found = [file for file in offered if (file.sha256 in wanted if wanted else _holds(file.file, pin))]
        if found:
            return found, ""
        what = "with the digests that are held" if wanted else "of that version"
        said = f", and one cannot be asked: {unasked}" if unasked else ""
        return [], f"index {index} has no file {what}{said}"

    def _held(self, pin: Pin, index: str, remote: RemoteFile) -> Held:
        if remote.sha256 is None:
            try:
                file = known_file(remote, self.sources, self.store)
            except OutsideError as error:
                return Held(note=f"{pin.name} {pin.version} is not in the lock: {error.message}")
        else:
            file = File(file=remote.file, sha256=remote.sha256, size=remote.size or 0)
        artifact = Artifact(
            name=pin.name,
            version=pin.version,
            stage=self.spec.stage[0].name,
            index=index,
            **file.model_dump(),
        )
        note = ""
        if not file.file.endswith(".whl"):
            try:
                artifact = self._built(artifact, remote)
            except DiskError:
                raise
            except (BuildError, FindingsError, OutsideError) as error:
                note = (
                    f"{pin.name} {pin.version} is source alone, whose digest the lock holds until a run"
                    f" builds it: {_why(error)}"
                )
        return Held(artifact=artifact, metadata=self._metadata(pin, artifact, remote), note=note)

    def _built(self, artifact: Artifact, remote: RemoteFile) -> Artifact:
        python = find_interpreter(self.target.python, self.target.patch)
        if not self.store.has(artifact):
            self.store.bring(self.sources.meant(remote), artifact, self.sources)
        wheel = built_wheel(
            artifact,
            store=self.store,
            target=self.target,
            python=python,
            machine=self.sources.machine,
            root=self.sources.build_root,
            progress=self.progress,
        )
        size = self.store.path(artifact).stat().st_size
        return artifact.model_copy(update={"wheel": wheel, "size": size})

    def _metadata(self, pin: Pin, artifact: Artifact, remote: RemoteFile) -> WheelMetadata | None:
        """What the lock says that the package requires, else what its wheel says; None without both.

        No wheel is asked where that decides nothing: a spec of one stage installs all in it.
        """
        self.progress.advance("keep", 1)
        if pin.requires is not None:
            return _told(pin)
        if not artifact.installed.file.endswith(".whl") or len(self.spec.stage) == 1:
            return None
        try:
            return wheel_metadata(
                artifact.installed,
                None if artifact.wheel else remote,
                store=self.store,
                sources=self.sources,
            )
        except DiskError:
            raise
        except OutsideError:
            return None


def _place(word: SourceWord) -> tuple[str, str]:
    return word.place, word.subdirectory


def _told(pin: Pin) -> WheelMetadata | None:
    """What the lock says of a package."""
    if pin.requires is None:
        return None
    requires = []
    for text in pin.requires:
        try:
            requires.append(str(Requirement(text)))
        except InvalidRequirement:
            continue
    return WheelMetadata(name=pin.name, version=pin.version, requires=tuple(requires))


def _why(error: EnvspecError) -> str:
    found = error.findings if isinstance(error, FindingsError) else ()
    said = "; ".join(shortened(finding.message, 200) for finding in found[:2]) or error.message
    return shortened(quoted_output(said).replace("\n", " "), 300)


def _holds(file: str, pin: Pin) -> bool:
    """Whether a file of that name is a distribution of the pin."""
    try:
        name, version = (
            parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
        )
        return name == pin.name and version == Version(pin.version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return file.endswith(ARCHIVES) and not file.endswith(".whl")


def _gaps(
    roots: Iterable[Requirement],
    held: Mapping[str, Held],
    known: Mapping[str, WheelMetadata],
    target: Target,
    spec: Spec,
) -> Iterator[str]:
    """What packages say that they need, as far as anybody knows, and no package that is kept gives."""
    overridden = {canonicalize_name(Requirement(text).name) for text in spec.overrides}
    without = overridden | {canonicalize_name(name) for name in spec.remove.packages}
    versions = {
        name: each.artifact.version if each.artifact is not None else "" for name, each in held.items()
    }
    seen: dict[str, None] = {}
    for name in closure(roots, known, target):
        needs = list(needed((name, frozenset()), known, target))
        wanted = [need for need in needs if canonicalize_name(need.name) not in without]
        seen |= dict.fromkeys(_lacking(wanted, versions, target, always=True))
    yield from seen


def _lacking(
    requirements: Iterable[Requirement],
    versions: Mapping[str, str],
    target: Target,
    *,
    always: bool = False,
) -> Iterator[str]:
    """The requirements that count here and that no version meets."""
    for requirement in requirements:
        version = versions.get(canonicalize_name(requirement.name))
        if not always and not target.wants(requirement.marker):
            continue
        if version is None or (version and not requirement.specifier.contains(version, prereleases=True)):
            yield f"{requirement.name}{requirement.specifier}"
