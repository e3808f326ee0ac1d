"""Where a spec's sources become packages: each fetched or packed, built, and asked what it is."""

from __future__ import annotations

import dataclasses
import pathlib
import tarfile
from collections.abc import Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envspec.lockfile.lock import Artifact, File, Lock, LockedSource
from envspec.source import git
from envspec.source.backend import build_system
from envspec.source.bound import ChangedSourceError
from envspec.source.package import SourcePackage, revision_digest
from envspec.source.sdist import BuildSite, BuiltWheel, built_source
from envspec.source.trees import TOP, pack_tree, tree_folder
from envspec.source.versioned import pack_versioned
from envspec.source.workspace import archival_file, elsewhere, neighbours
from envspec.spec.model import Spec, digest_of
from envspec.spec.target import Target, target_of
from envspec.spec.words import SourceWord, without_password
from envspec.supply.core_metadata import WheelMetadata, parse_metadata
from envspec.supply.metadata import of_wheel
from envspec.supply.page import RemoteFile
from envspec.supply.sources import Sources
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system import rules
from envspec.system.disk import DiskError
from envspec.system.errors import (
    THE_SPEC,
    BuildError,
    EnvspecError,
    FindingsError,
    OutsideError,
    Problem,
    SpecError,
)
from envspec.system.kept import Kept
from envspec.system.progress import SILENT, Progress
from envspec.system.quoting import quoted_output
from envspec.system.scratch import scratch_folder

_UNKNOWN = "0+unknown"
"""What versioneer calls a version that it cannot find, instead of failing."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class SourceYard:
    """Where sources become packages: for one spec, with what this machine has."""

    spec: Spec
    sources: Sources
    store: Wheelhouse
    progress: Progress = SILENT
    commits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Commits that stay while the words that named them do, by `revision_digest`."""

    @property
    def target(self) -> Target:
        """What they are built for."""
        return target_of(self.spec)

    @property
    def folder(self) -> pathlib.Path:
        """The spec's."""
        return self.sources.folder

    def take_all(self, failed: dict[str, EnvspecError] | None = None) -> tuple[SourcePackage, ...]:
        """All sources that count on the target, and the members of workspaces that those need.

        Raises `SpecError` for a word that means nothing here, `FindingsError` for what cannot be built, and
        `OutsideError` for what cannot be had; the last two go to `failed` instead, by their key paths, where
        it is given.
        """
        taken: dict[str, SourcePackage] = {}
        for at, (_, word) in self.spec.sources.items():
            if self.target.wants(word.marker):
                try:
                    package = self.take(word, at)
                except DiskError:
                    raise
                except (FindingsError, OutsideError) as error:
                    if failed is None:
                        raise
                    failed[at] = error
                    continue
                self._refuse_twice(package, taken)
                taken[package.name] = package
        waiting = list(taken.values())
        while waiting:
            package = waiting.pop()
            for name in self._needs(package):
                if name in taken or name not in package.beside:
                    continue
                path = package.beside[name].resolve().relative_to(self.folder.resolve()).as_posix()
                member = self.take(SourceWord(text=f"./{path}", kind="tree", place=path, name=name), "")
                taken[member.name] = member
                waiting.append(member)
        lost = [self.spec.sources[at][1].name for at in failed or ()]
        self._refuse_addresses(taken, frozenset(lost))
        return tuple(taken.values())

    def _needs(self, package: SourcePackage) -> list[str]:
        extras = frozenset(package.metadata.extras)
        parsed = map(Requirement, package.metadata.requires)
        return [canonicalize_name(each.name) for each in parsed if self.target.wants(each.marker, extras)]

    def _refuse_twice(self, package: SourcePackage, taken: Mapping[str, SourcePackage]) -> None:
        if package.name in taken:
            raise self._wrong(package.at, f"{package.name} is {taken[package.name].at} already: name it once")
        for number, stage in enumerate(self.spec.stage):
            for position, word in enumerate(stage.words):
                same = isinstance(word, Requirement) and canonicalize_name(word.name) == package.name
                if same and self.target.wants(word.marker):
                    where = f"stage[{number}].install[{position}]"
                    raise self._wrong(package.at, f"{package.name} is asked for by {where} too: name it once")
            if package.name in {wheel.name for wheel in stage.wheels}:
                raise self._wrong(
                    package.at, f"stage {stage.name} has a wheel of {package.name} too: name it once"
                )

    def _refuse_addresses(self, taken: Mapping[str, SourcePackage], lost: frozenset[str]) -> None:
        """What a source takes from an address that nobody has locked, unless a word names it as well.

        An index might have something else under that name. `lost` are the names of words that failed.
        """
        for package in taken.values():
            for name in set(self._needs(package)) & package.elsewhere.keys() - taken.keys() - lost:
                raise self._wrong(
                    package.at,
                    f"{package.name} takes {name} from elsewhere than an index",
                    hint=f"write it among the stage's `install`: {without_password(package.elsewhere[name])}",
                )
            for requirement in map(Requirement, package.metadata.requires):
                known = canonicalize_name(requirement.name) in taken.keys() | lost
                if (
                    requirement.url
                    and not known
                    and self.target.wants(requirement.marker, package.word.extras)
                ):
                    raise self._wrong(
                        package.at,
                        f"{package.name} requires {requirement.name} by an address",
                        hint="write the same among the stage's `install`: then it is locked like any other",
                    )

    def _wrong(self, at: str, message: str, hint: str = "") -> SpecError:
        return SpecError(THE_SPEC, (Problem(path=at, message=message),), hint=hint)

    def take(self, word: SourceWord, at: str, held: LockedSource | None = None) -> SourcePackage:
        """One source. `held` is what a lock has of it, whose tools are taken. Raises as `take_all`."""
        try:
            match word.kind:
                case "tree":
                    package = self._tree(word, at, held)
                case "git":
                    package = self._git(word, at)
                case _:
                    package = self._file(word, at)
        except BuildError as error:
            finding = rules.SOURCE_UNBUILDABLE.finding(
                quoted_output(error.message), hint=error.hint, where=at or word.shown
            )
            raise FindingsError(f"{word.shown} cannot be built", (finding,)) from error
        if word.name and package.name != word.name:
            raise self._wrong(at, f"{word.shown} is not {word.name}, but {package.name}")
        return package

    def _tree(self, word: SourceWord, at: str, held: LockedSource | None) -> SourcePackage:
        tree = tree_folder(word.place, self.folder, at)
        with scratch_folder("source") as scratch:
            archive = scratch / "source.tar"
            digest, below = pack_versioned(tree, archive, within=self.folder)
            built = self._built(archive, digest, word.shown, below, held.tools if held else ())
        metadata = self._metadata(built.wheel)
        if metadata.version == _UNKNOWN:
            self.progress.note(
                f"{word.shown} has the version {_UNKNOWN}: versioneer knows one where the commit has a tag, "
                "and .gitattributes marks its file with export-subst"
            )
        return SourcePackage(
            word=word,
            at=at,
            metadata=metadata,
            wheel=built.wheel,
            requires=_requires(metadata, tree),
            tools=built.tools,
            beside=neighbours(tree, self.folder.resolve()),
            elsewhere=elsewhere(tree, self.folder.resolve()),
        )

    def _git(self, word: SourceWord, at: str) -> SourcePackage:
        commit, archive = self._named_commit(word)
        label = f"{word.shown} at {commit[:12]}"
        built = self._built(self.store.path(archive), archive.sha256, label, word.subdirectory, ())
        package = self._held(word, at, built, archive, commit)
        return dataclasses.replace(package, elsewhere=self._beside_in(archive, word))

    def _named_commit(self, word: SourceWord) -> tuple[str, File]:
        """The commit of a word: its own, that of the lock before, or what the repository has by that name."""
        before = self.commits.get(revision_digest(word), "")
        if before and not word.fixed:
            try:
                return self._commit(word, before)
            except DiskError:
                raise
            except OutsideError as error:  # a branch that was written anew
                self.progress.note(f"{word.shown} moves: {error.message}")
        return self._commit(word, word.revision if word.fixed else "")

    def _beside_in(self, archive: File, word: SourceWord) -> Mapping[str, str]:
        """What a project takes from beside it in its repository, or from elsewhere."""
        with scratch_folder("git") as scratch:
            with tarfile.open(self.store.path(archive)) as packed:
                packed.extractall(scratch, filter="data")
            top = (scratch / TOP).resolve()
            tree = top / word.subdirectory
            found = dict(elsewhere(tree, top))
            for name, folder in neighbours(tree, top).items():
                below = folder.resolve().relative_to(top).as_posix()
                revision = f"@{word.revision}" if word.revision else ""
                found[name] = f"{name} @ git+{word.place}{revision}#subdirectory={below}"
            return found

    def _commit(self, word: SourceWord, commit: str) -> tuple[str, File]:
        """The commit that is meant, and its archive in the store, fetched where it is not kept."""
        kept: Kept[File] = Kept(self.store.root / "built" / "commits", File)

        def key(known: str) -> str:
            return digest_of([word.place, known, word.subdirectory]).removeprefix("sha256:")

        known = kept.get(key(commit)) if commit else None
        if known is not None and self.store.has(known):
            return commit, known
        if self.sources.offline:
            raise OutsideError(
                f"offline, and {word.shown} is not kept on this machine", hint="run once without --offline"
            )
        self.progress.note(f"fetching {word.shown}")
        with scratch_folder("git") as scratch:
            fetched = git.fetch_commit(word, scratch / "repository", commit=commit)
            tree = scratch / "files"
            fetched.export(tree)
            project = tree / word.subdirectory
            if not project.is_dir():
                raise OutsideError(f"{word.shown} has no folder {word.subdirectory}")
            added = {}
            if told_by := archival_file(project):
                with_tags = git.fetch_commit(word, scratch / "tags", commit=fetched.commit, tags=True)
                added = {told_by: with_tags.archival(told_by)}
            for path in fetched.submodules():
                self.progress.note(f"{word.shown}: the submodule {path} is left out")
            file = scratch / f"{word.name or 'source'}-{fetched.commit}.tar"
            pack_tree(tree, file, within=tree, everything=True, added=added)
            archive = self.store.add(file)
            kept.put(key(fetched.commit), archive)
            return fetched.commit, archive

    def _file(self, word: SourceWord, at: str) -> SourcePackage:
        file = self._fetched(word, at)
        if word.is_wheel:
            return self._held(word, at, BuiltWheel(wheel=file, tools=()), None, None)
        built = self._built(self.store.path(file), file.sha256, word.file_name, word.subdirectory, ())
        return self._held(word, at, built, file, None)

    def _fetched(self, word: SourceWord, at: str) -> File:
        if word.kind == "url":
            remote = RemoteFile(file=word.file_name, url=word.place, sha256=word.sha256 or None)
            return self.store.take(remote, self.sources)
        return self.store.add(self._place(word, at))

    def _place(self, word: SourceWord, at: str) -> pathlib.Path:
        place = (self.folder / word.place).resolve()
        if not place.is_relative_to(self.folder.resolve()):
            raise self._wrong(at, f"{word.shown} is a link that leaves the folder of the spec")
        if not place.is_file():
            raise self._wrong(at, f"{word.shown} is not there, or no file")
        return self.folder / word.place

    def _held(
        self, word: SourceWord, at: str, built: BuiltWheel, archive: File | None, commit: str | None
    ) -> SourcePackage:
        metadata = self._metadata(built.wheel)
        return SourcePackage(
            word=word,
            at=at,
            metadata=metadata,
            wheel=built.wheel,
            archive=archive,
            commit=commit,
            tools=built.tools,
        )

    def _built(
        self, archive: pathlib.Path, sha256: str, label: str, subdirectory: str, tools: tuple[str, ...]
    ) -> BuiltWheel:
        site = BuildSite.of(self.sources, self.store, self.target, self.progress)
        return built_source(archive, sha256, site, label=label, subdirectory=subdirectory, tools=tools)

    def _metadata(self, wheel: File) -> WheelMetadata:
        try:
            return parse_metadata(of_wheel(wheel, self.store))
        except ValueError as error:
            raise BuildError(f"{wheel.file} does not say what it is: {error}") from error

    def bind(self, lock: Lock) -> Lock:
        """The lock with the wheels of its trees as they stand now.

        Raises `ChangedSourceError` where what one requires is not what was locked, and as `take_all`.
        """
        wheels: dict[str, Artifact] = {}
        for held in lock.trees:
            word = self._word_of(held)
            package = self.take(word, held.at, held)
            if package.name != held.name or held.requires not in {None, package.requires}:
                raise ChangedSourceError(f"{word.shown} requires other things than when it was locked")
            wheels[held.name] = package.artifact(held.stage)
        return lock.bound(wheels)

    def bring(self, held: LockedSource, entry: Artifact) -> None:
        """Bring the artifact of a locked source into the store.

        Raises `OutsideError` when it cannot be had any more, or is another one, and as `take`.
        """
        word = self._word_of(held)
        if held.path is not None:
            self.take(word, held.at, held)
            return
        if not self.store.has(entry):
            found = self._commit(word, held.commit)[1] if held.commit else self._fetched(word, held.at)
            if found.sha256 != entry.sha256:
                raise OutsideError(
                    f"{word.shown} as it is served now is not what was locked (its sha256 differs)",
                    hint="whoever serves it changed it: `envspec lock --upgrade` if that is right",
                )
        if entry.wheel is not None and not self.store.has(entry.wheel):
            built = self._built(
                self.store.path(entry), entry.sha256, word.shown, word.subdirectory, held.tools
            )
            if built.wheel.sha256 != entry.wheel.sha256:
                raise BuildError(
                    f"the wheel built here from {word.shown} is not what was locked: its bytes differ",
                    hint="this machine's compiler makes other code; give the wheel by its path, or lock here",
                )

    def _word_of(self, held: LockedSource) -> SourceWord:
        if held.at in self.spec.sources:
            return self.spec.sources[held.at][1]
        path = held.path or ""
        return SourceWord(text=f"./{path}", kind="tree", place=path, name=held.name)


def _requires(metadata: WheelMetadata, tree: pathlib.Path) -> str:
    """Digest of what a tree says that it needs, to run and to be built."""
    system = build_system(tree)
    return digest_of(
        {
            "name": metadata.name,
            "requires": sorted(metadata.requires),
            "python": metadata.requires_python,
            "extras": sorted(metadata.extras),
            "build": [sorted(system["requires"]), system["backend"]],
        }
    )
