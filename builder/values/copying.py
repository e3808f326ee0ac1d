"""Reads what `[[copy]]` names: files of the spec's folder, as they stand on disk now, and checks them."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pathlib
import posixpath
import shutil
import stat
from collections.abc import Mapping, Sequence

from builder.values.copied import FileContents, read_file
from builder.values.copies import CopiedFile, PlannedCopy, folders_above, goal_of
from builder.values.walk import Walked, walk_folder
from envspec.source.ignored import Ignored
from envspec.spec.files import Copy
from envspec.spec.model import digest_of
from envspec.supply.facts import sha256_of
from envspec.system.errors import THE_SPEC, BuildError, OutsideError, Problem, SpecError
from envspec.system.home import tool_home
from envspec.system.kept import Kept
from envspec.system.limits import COPIED_BYTES, COPIED_FILES

READ = "copied"
"""Folder below the home with the digests of large files, so that they are read once."""

_LARGE = 1 << 20
"""Bytes from which a digest is kept: to read a smaller file is as quick as to look its digest up."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """One `[[copy]]` and what there is of it."""

    key: str
    """Where the spec has it: `copy[0]`."""
    copy: Copy
    top: pathlib.Path
    """The real folder, or that of the single file."""
    single: bool
    walked: Walked
    goal: str

    def place(self, path: str) -> str:
        """Where a path below `top` goes."""
        return self.goal if self.single else posixpath.normpath(f"{self.goal}/{path}")

    def wrong(self, message: str, *, hint: str = "", key: str = "from") -> SpecError:
        """The error for this copy."""
        problem = Problem(path=f"{self.key}.{key}", message=message)
        return SpecError(THE_SPEC, (problem,), hint=hint)


def collect_copies(copies: Sequence[Copy], folder: pathlib.Path) -> tuple[PlannedCopy, ...]:
    """What the copies of a spec bring now; `folder` is the spec's.

    Raises `SpecError` for what is not there, leads out of what is copied, is no file, or is more than is
    copied, and `OutsideError` for what cannot be read.
    """
    top = folder.resolve()
    found = [_find(f"copy[{number}]", copy, top) for number, copy in enumerate(copies)]
    going: dict[str, str] = {}
    for each in found:
        for path in (*each.walked.files, *each.walked.links):
            going[str(each.top / path)] = each.place(path)
        for path in folders_above((*each.walked.files, *each.walked.links)) if not each.single else ():
            going[str(each.top / path)] = each.place(path)
    return tuple(_planned(each, top, going) for each in found)


def _find(key: str, copy: Copy, folder: pathlib.Path) -> _Found:
    place = (folder / copy.source).resolve()
    if not place.is_relative_to(folder):
        raise _wrong(key, f"{copy.source!r} leads out of the spec's folder")
    if not place.exists():
        raise _wrong(key, f"{copy.source!r} is not there")
    if place.is_dir():
        source = place.relative_to(folder).as_posix()
        rules = Ignored(folder, source)
        walked = walk_folder(place, rules, named=copy.include, most=COPIED_FILES, place=f"{key}.from")
        found = _Found(key=key, copy=copy, top=place, single=False, walked=walked, goal=goal_of(copy, None))
        _refuse_unfit(found)
        return found
    if not stat.S_ISREG(place.stat().st_mode):
        raise _wrong(key, f"{copy.source!r} is a pipe, a socket or a device")
    if copy.include:
        raise _wrong(key, "a single file is named by `from` already", field="include")
    only = Walked(files=(place.name,), links=(), special=(), secrets=(), outputs=(), ignored=())
    goal = goal_of(copy, pathlib.PurePosixPath(copy.source).name)
    return _Found(key=key, copy=copy, top=place.parent, single=True, walked=only, goal=goal)


def _wrong(key: str, message: str, field: str = "from") -> SpecError:
    return SpecError(THE_SPEC, (Problem(path=f"{key}.{field}", message=message),))


def _refuse_unfit(found: _Found) -> None:
    """Refuse what cannot be copied, and a copy that would be empty. Raises `SpecError`."""
    walked = found.walked
    if walked.special:
        raise found.wrong(
            f"it holds what no copy can have: {_few(walked.special)}",
            hint="stop the program that made it, or leave it out with .dockerignore or .gitignore",
        )
    for number, path in enumerate(found.copy.include):
        if not (found.top / path).exists():
            raise found.wrong(f"{path!r} is no file below {found.copy.source!r}", key=f"include[{number}]")
    if not (walked.files or walked.links):
        stays = (*walked.ignored, *walked.secrets, *walked.outputs)
        if not stays:
            raise found.wrong(f"{found.copy.source!r} has no files to copy")
        raise found.wrong(
            f"nothing of {found.copy.source!r} would be copied: it is ignored, seems to hold secrets, or was "
            f"written by this tool: {_few(stays)}",
            hint='`include = ["NAME"]` in this [[copy]] names what is copied nevertheless; "." is all of it',
        )


def _planned(found: _Found, folder: pathlib.Path, going: Mapping[str, str]) -> PlannedCopy:
    sizes = {path: _stat(found.top / path) for path in found.walked.files}
    total = sum(seen.st_size for seen in sizes.values())
    if total > COPIED_BYTES:
        largest = sorted(sizes, key=lambda path: -sizes[path].st_size)[:3]
        raise found.wrong(
            f"{found.copy.source!r} has {total / 1e9:.1f} GB in {len(sizes):,} files, and one copy brings at "
            f"most {COPIED_BYTES / 1e9:.0f} GB; its largest: {', '.join(largest)}",
            hint="mount such data where the image runs; or make several [[copy]] of it, a layer each",
        )
    files, private = [], []
    for path, seen in sizes.items():
        contents = _read(found.top / path, seen)
        if contents.private and not found.single and path not in found.copy.include:
            private.append(path)
            continue
        files.append(
            CopiedFile(
                path=found.place(path),
                sha256=contents.sha256,
                size=seen.st_size,
                executable=bool(seen.st_mode & 0o111),
                source=(found.top / path).relative_to(folder).as_posix(),
            )
        )
    gone = {str(found.top / path) for path in private}
    for path in found.walked.links:
        link = _link(found, path, going)
        if os.path.realpath(found.top / path) in gone:
            private.append(path)
        else:
            files.append(CopiedFile(path=found.place(path), link=link))
    return PlannedCopy(
        to=found.goal,
        files=tuple(sorted(files, key=lambda file: file.path)),
        owner=found.copy.owner,
        mode=found.copy.mode,
        source=found.copy.source,
        left_out=tuple(sorted([*found.walked.secrets, *private])),
        outputs=found.walked.outputs,
        ignored=len(found.walked.ignored),
    )


def _stat(file: pathlib.Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise OutsideError(f"{file} cannot be read: {error.strerror}") from error


def _read(file: pathlib.Path, seen: os.stat_result) -> FileContents:
    """What is in a file; a large one is read once, unless it looks otherwise since."""
    if seen.st_size < _LARGE:
        return read_file(file)
    kept: Kept[FileContents] = Kept(tool_home() / READ, FileContents)
    key = digest_of(["tokens", str(file), seen.st_size, seen.st_mtime_ns, seen.st_ino]).removeprefix(
        "sha256:"
    )
    return kept.get_or_make(key, lambda: read_file(file))


def _link(found: _Found, path: str, going: Mapping[str, str]) -> str:
    """What a link of the copy leads to in the environment: as it is written, where that holds there as well.

    Raises `SpecError` for one that would lead nowhere there.
    """
    link = found.top / path
    text = str(link.readlink())
    shown = f"the link {path} of {found.copy.source!r}"
    hint = "copy what it leads to as well; or leave the link out with .dockerignore or .gitignore"
    try:
        end = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        looping = isinstance(error, RuntimeError) or error.errno == errno.ELOOP
        why = "leads in a circle" if looping else "leads nowhere"
        raise found.wrong(f"{shown} {why}: {text}", hint="mend it or remove it") from None
    goal = going.get(str(end))
    if goal is None and end == found.top and not found.single:
        goal = found.goal
    if goal is None:
        raise found.wrong(f"{shown} leads to {text}, which is not copied", hint=hint)
    if not text.startswith("/") and _stays_inside(found.top, path, text):
        return text
    own = found.place(path)
    if goal.startswith("/") != own.startswith("/"):
        if goal.startswith("/"):
            return goal
        raise found.wrong(
            f"{shown} leads from {own} to {goal}, which is below the folder that programs start in",
            hint="give both copies an absolute `to`, or both a relative one",
        )
    return posixpath.relpath(goal, posixpath.dirname(own) or ".")


def _stays_inside(top: pathlib.Path, path: str, text: str) -> bool:
    """Whether a relative link never leaves the folder on its way, links on it included."""
    step, rest = (
        pathlib.Path(os.path.realpath(top / posixpath.dirname(path))),
        list(reversed(text.split("/"))),
    )
    for _ in range(1000):
        if not rest:
            return True
        part = rest.pop()
        if part in ("", "."):
            continue
        step = step.parent if part == ".." else step / part
        if not step.is_relative_to(top):
            return False
        if step.is_symlink():
            further = str(step.readlink())
            if further.startswith("/"):
                return False
            rest += reversed(further.split("/"))
            step = step.parent
    return False


def copy_file(copy: PlannedCopy, file: CopiedFile, folder: pathlib.Path, target: pathlib.Path) -> None:
    """Put one file or link where it goes on this machine, for its user to read; `folder` is the spec's.

    Raises `BuildError` for a file that changed since it was planned.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.link:
        target.symlink_to(file.link)
    elif not target.exists():  # equal copies may meet at one place
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(folder / file.source, target)
        if not target.is_file() or sha256_of(target) != file.sha256:
            raise BuildError(f"{file.source} changed while it was copied", hint="run again")
        target.chmod((copy.file_mode(file) & 0o777) | 0o400)


def link_or_copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """A hard link costs nothing and keeps the date, by which BuildKit sees that nothing changed."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _few(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
