"""What can be held of one package of another tool's lock: as the lock tells it, else as an index tells it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

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
from envspec.lockfile.lock import DEFAULT_INDEX, SPEC_WHEEL, Artifact, File, LockedSource
from envspec.resolve.resolver import known_file, usable_files
from envspec.source.package import revision_digest
from envspec.source.sdist import BuildSite, built_wheel
from envspec.source.trees import tree_folder
from envspec.source.workspace import written_name
from envspec.source.yard import SourceYard
from envspec.spec.model import Spec
from envspec.spec.target import Target
from envspec.spec.words import ARCHIVES, SourceWord, source_word
from envspec.supply.core_metadata import WheelMetadata
from envspec.supply.metadata import wheel_metadata
from envspec.supply.page import RemoteFile
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.disk import DiskError
from envspec.system.errors import BuildError, EnvspecError, FindingsError, OutsideError
from envspec.system.progress import Progress
from envspec.system.quoting import quoted_output, shortened


class UnkeptError(OutsideError):
    """A lock of another tool is not kept: it does not hold all that its spec needs, or another version."""


def _nothing_built() -> OutsideError:
    """Why a source is held open where nothing may be built."""
    return OutsideError("nothing is built while a description is read")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """One package as far as it can be held."""

    artifact: Artifact | None = None
    source: LockedSource | None = None
    metadata: WheelMetadata | None = None
    """None where nobody knows what it requires."""
    note: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Keeper:
    """Who holds pins: for one spec, with what this machine has."""

    spec: Spec
    target: Target
    sources: Sources
    store: Wheelhouse
    progress: Progress
    builds: bool = True
    """Whether sources are fetched and built; what is not is held open, until a run needs it."""

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
        if not self.builds:
            failed = {at: _nothing_built() for at, word in words.items() if self.target.wants(word.marker)}
        held: dict[str, Held] = {}
        asked: dict[str, Requirement] = {}
        for package in yard.take_all(failed) if self.builds else ():
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
        if not name and word.kind == "tree":
            name = written_name(tree_folder(word.place, self.sources.folder, at)) or ""
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
        names = {
            index.url: name for name, index in self.spec.index.items() if not (index.extra or index.default)
        }
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
                if not self.builds:
                    raise _nothing_built()
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
        if not self.store.has(artifact):
            self.store.bring(self.sources.meant(remote), artifact, self.sources)
        wheel = built_wheel(artifact, BuildSite.of(self.sources, self.store, self.target, self.progress))
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
