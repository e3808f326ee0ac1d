"""What every command begins with: a spec, its lock, and where its files come from."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from envspec.lockfile import lock as lockfile
from envspec.lockfile.lock import Lock
from envspec.source.bound import ChangedSourceError, refuse_changed
from envspec.spec import load
from envspec.spec.lines import Lines
from envspec.spec.model import FILE_NAME, Spec
from envspec.supply.wheelhouse import Wheelhouse
from envspec.system.errors import FindingsError, SpecError
from envspec.system.home import tool_home
from envspec.system.progress import SILENT, Progress
from envspec.system.reading import read_text

if TYPE_CHECKING:
    from envspec.ingest.draft import Draft
    from envspec.source.yard import SourceYard
    from envspec.supply.sources import Sources


IMAGE = "image:"
"""What stands before the name of an engine's image, where a place is wanted."""

_PACKAGE = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
"""The name that a package is required by."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A spec that was read, in the folder where it stands."""

    file: pathlib.Path
    spec: Spec
    """With the variant laid over it."""
    variant: str | None = None
    offline: bool = False
    """Whether its files may come from this machine alone."""
    draft: Draft | None = None
    """What its spec was made of in memory; None for one that stands in its file."""
    text: str | None = None
    """The text of a spec that was made in memory."""
    proposed: bool = False
    """Whether that text is only thought of for its file: nothing is written."""
    before: Lock | None = None
    """Of what is proposed: the lock whose versions are kept, wherever that comes from."""

    @contextlib.contextmanager
    def placing(self) -> Iterator[None]:
        """Let what is wrong with the spec be told with the file, and the line, that says it."""
        try:
            yield
        except SpecError as error:
            text = read_text(self.file, load.LIMIT) if self.text is None else self.text
            lines = Lines(text)
            placed = error.placed(os.path.relpath(self.file), lambda path: lines.of(load.path_of(path)))
            raise placed.with_traceback(error.__traceback__) from error.__cause__

    def said_at(self, path: str) -> str:
        """The file that says what stands at a key path of the spec, with the line where that is known."""
        file = os.path.relpath(self.file)
        if self.draft is not None or self.variant is not None:
            return file
        text = read_text(self.file, load.LIMIT) if self.text is None else self.text
        line = Lines(text).of(load.path_of(path))
        return f"{file}:{line}" if line else file

    @property
    def argument(self) -> str:
        """What a command line says to mean this spec, after a space; empty where it need not say it."""
        return argument_of(self.file) + (f" --variant {self.variant}" if self.variant is not None else "")

    @property
    def folder(self) -> pathlib.Path:
        """The spec's folder, to which its paths are relative."""
        return self.file.parent

    @property
    def lock_file(self) -> pathlib.Path:
        """Where its lock stands, or would stand: beside the spec that `envspec init` would write."""
        if self.draft is not None:
            return lockfile.lock_file(self.folder / FILE_NAME, self.variant)
        return lockfile.lock_file(self.file, self.variant)

    @property
    def described_lines(self) -> dict[str, int] | None:
        """Where in its description each package stands, by canonical name; None for a spec of its own."""
        if self.draft is None:
            return None
        found: dict[str, int] = {}
        for item in self.draft.items:
            name = _PACKAGE.match(item.text)
            if item.carried and item.line and name and item.file in {"", self.file.name}:
                found.setdefault(canonicalize_name(name[0]), item.line)
        return found

    @property
    def store(self) -> Wheelhouse:
        """Where its files are kept on this machine."""
        return Wheelhouse(tool_home() / "wheelhouse")

    def lock(self) -> Lock | None:
        """Its lock as it stands on disk; None without one. Raises `SpecError` for one that means nothing."""
        return self.before if self.proposed else lockfile.read_lock(self.lock_file)

    def bound(self, lock: Lock, progress: Progress = SILENT) -> Lock:
        """The lock with the wheels of the spec's trees as they stand now: what a run goes on with.

        Raises `ChangedSourceError` where the spec's own files are not what was locked, and as building does.
        """
        refuse_changed(lock, self.spec, self.folder)
        lock = self.completed(lock, progress)
        if not lock.trees:
            return lock
        with self.placing():
            return self._yard(progress).bind(lock)

    def completed(self, lock: Lock, progress: Progress = SILENT) -> Lock:
        """The lock without gaps: what could not be fetched or built where it was kept is so now.

        Raises `FindingsError` for what cannot be built, `OutsideError` for what cannot be had.
        """
        if not lock.gaps:
            return lock
        from envspec.source.complete import complete_lock

        return complete_lock(lock, self._yard(progress))

    def _yard(self, progress: Progress) -> SourceYard:
        from envspec.source.yard import SourceYard

        return SourceYard(spec=self.spec, sources=self.sources(), store=self.store, progress=progress)

    def needed_lock(self, progress: Progress = SILENT) -> Lock:
        """Its lock, bound. Raises `FindingsError` where it has none, or one that its sources do not fit."""
        lock = self.lock()
        if lock is None:
            raise FindingsError(
                f"{os.path.relpath(self.file)} has no lock"
                + (f" for variant {self.variant}" if self.variant is not None else ""),
                (),
                hint=f"`envspec lock{self.argument}` makes it",
            )
        if not lock.source and not lock.gaps:
            return lock
        try:
            return self.bound(lock, progress)
        except ChangedSourceError as changed:
            message = f"the lock {self.lock_file.name} does not fit: {changed}"
            raise FindingsError(message, (), hint=f"`envspec lock{self.argument}` makes it anew") from changed

    def sources(self, *, fresh: bool = False, progress: Progress = SILENT) -> Sources:
        """Where its files come from, as this machine's pip is set up. Asks pip, but no index yet.

        What its lock holds of Debian packages to build with is taken, unless `fresh`.
        """
        from builder.flow.build_root import DebianBuildRoot
        from envspec.supply.pip_settings import ask_pip  # a run without change needs neither
        from envspec.supply.sources import Sources

        sources = Sources(self.spec, ask_pip(), offline=self.offline).within(self.folder)
        held = None if fresh else self.lock()
        sources.build_root = DebianBuildRoot(
            self.spec, held, self.store, offline=self.offline, progress=progress
        )
        return sources


def argument_of(file: pathlib.Path) -> str:
    """What a command line says to mean a spec, after a space; empty where the folder alone says it."""
    if file.absolute() == pathlib.Path.cwd() / FILE_NAME:
        return ""
    return f" {shlex.quote(os.path.relpath(file))}"


def is_described(place: pathlib.Path) -> bool:
    """Whether something is no spec but a description of an environment: a file, a folder, or an image."""
    if str(place).startswith(IMAGE):
        return True
    if place.name == FILE_NAME or os.path.lexists(place / FILE_NAME):
        return False
    from envspec.ingest import read  # a spec needs none of the readers

    if read.describes(place):
        return True
    if place.suffix == ".toml":
        return False
    from builder.oci.image.contents import is_saved_image  # a spec needs nothing of it

    return is_saved_image(place)


def open_project(place: pathlib.Path | None, variant: str | None, *, offline: bool = False) -> Project:
    """Read the spec that `place` means, or make it of a description that `place` is.

    Raises `SpecError` when it means nothing.
    """
    if place is not None and is_described(place):
        from builder.flow.described import described_project  # it needs solvers

        return described_project(place, variant, offline=offline)
    file = load.find_spec(place)
    return Project(file=file, spec=load.load_spec(file, variant), variant=variant, offline=offline)
