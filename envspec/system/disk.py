"""What the machine refuses, in words: a full disk, one that may not be written, a limit, no memory left."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import pathlib
import re
import shutil
import signal
from collections.abc import Sequence

from envspec.system.errors import OutsideError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_FILES = {errno.EMFILE, errno.ENFILE}
_MEMORY = {errno.ENOMEM}
_PROCESSES = {errno.EAGAIN}
_READ = {0, errno.ENOENT, errno.EIO, errno.ESTALE}
LIMITS = _FILES | _MEMORY | _PROCESSES
"""What the system answers where it cannot start a program for want of something."""

_SPOKEN = {
    number: re.compile(
        rf"{re.escape(os.strerror(number))}|\bos error {number}\b|\bcode: {number}, kind|\[Errno {number}\]"
        + (r"|^MemoryError\b|\bmemory allocation of \d+ bytes failed" if number in _MEMORY else ""),
        re.IGNORECASE,
    )
    for number in sorted(_NO_ROOM | _CLOSED | LIMITS | {errno.EFBIG})
}
"""How programs tell an error of the system: as libc words it, as Rust numbers it, and as Python does."""

_PATH = re.compile(r"/[^\s'\"`:;,()<>]+")

_LITTLE = 16 << 20
"""Bytes free on a disk up to which it may be the one that is full: what was half written is gone by then."""

_ROOMY = 1 << 30
"""Bytes free on every disk from which a program that says its disk is full speaks of some other one."""

_NO_TEMPORARY = "No usable temporary directory"
_NO_THREAD = "can't start new thread"
_NOT_MAPPED = "failed to map segment from shared object"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A folder, or a file, that is written to because somebody said so."""

    path: pathlib.Path
    setting: str = ""
    """What names it, such as `TMPDIR` or `--output`; empty where nothing does."""
    hint: str = "free some there"
    """What to do when nothing more fits into it."""
    only: tuple[str, ...] = ()
    """How names directly below begin that belong to it; all do where this is empty."""

    def __str__(self) -> str:
        return f"{self.path} ({self.setting})" if self.setting else str(self.path)

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Whether the path is this place or belongs to it."""
        path, top = pathlib.Path(path).absolute(), self.path.absolute()
        if not path.is_relative_to(top):
            return False
        below = path.relative_to(top).parts
        return not below or not self.only or below[0].startswith(self.only)


class DiskError(OutsideError):
    """The machine refuses to keep something: its disk, its memory or a limit says no."""

    def __init__(self, message: str, *, hint: str, number: int, path: pathlib.Path | None = None) -> None:
        super().__init__(message, hint=hint)
        self.number = number
        """The system's number of the error, as `errno` names them."""
        self.path = path
        """What could not be written, where that is known."""


def refusal(
    error: OSError,
    place: pathlib.Path | None,
    known: Sequence[Place],
    *,
    needed: int = 0,
    free: int | None = None,
    verb: str = "written",
) -> DiskError:
    """The error in words. Where it names no file it is taken to be `place`, unless another one is full.

    `needed` is in bytes, 0 where nobody knows; `free` is what there was before, else what there is now.
    """
    path = _path_of(error) or place
    number = error.errno or 0
    where = place_of(path, known) if path else None
    if path and place and not (where and where.setting) and place.absolute().is_relative_to(path):
        where = place_of(place, known)  # a folder above the place, which had to be made first
    if number not in _NO_ROOM:
        return _told(number, error.strerror or str(error), path, where, verb)
    if _path_of(error) is None and (where is None or not _is_full(where)):
        fullest = _fullest(known)
        if where is None or (fullest is not None and _is_full(fullest)):
            return _no_room(fullest, number, None, 0, None)
    return _no_room(where, number, path, needed, free)


def refusal_retold(error: DiskError, place: Place, needed: int, free: int | None) -> DiskError:
    """A full disk told by who knows what the place is, what was needed and what had been free."""
    if error.number not in _NO_ROOM:
        return _told(error.number, os.strerror(error.number), error.path, place)
    return _no_room(place, error.number, error.path, needed, free)


def spoken_refusal(code: int, said: str, known: Sequence[Place]) -> DiskError | None:
    """What a program that failed says of the machine; None where it speaks of something else.

    `code` is its exit code, negative for a signal. That a file may not be written is believed only of the
    known places: a build in a sandbox may meet that anywhere else.
    """
    if code == -getattr(signal, "SIGXFSZ", 0) < 0:
        return _told(errno.EFBIG, "", None, None)
    if _NO_TEMPORARY in said:
        return _told(errno.ENOENT, _NO_TEMPORARY, None, None)
    for number, pattern in _SPOKEN.items():
        for line in said.splitlines():
            if not pattern.search(line):
                continue
            named = [place for place in known if any(map(place.holds, _PATH.findall(line)))]
            where = max(named, key=lambda place: len(place.path.parts)) if named else None
            if number in _CLOSED and where is None:
                continue
            if number not in _NO_ROOM:
                return _told(number, os.strerror(number), where.path if where else None, where)
            where = where or _fullest(known)
            if where is None or (not named and free_bytes(where.path) > _ROOMY):
                continue
            return _no_room(where, number, where.path, 0, None)
    return None


def refusal_of(error: BaseException, known: Sequence[Place]) -> DiskError | None:
    """What any error that reached the top says of the machine; None for one that is the tool's own."""
    if isinstance(error, OSError):
        return refusal(error, None, known, verb="used")  # it may as well have been read
    text = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and _NOT_MAPPED in text):
        return _told(errno.ENOMEM, "", None, None)
    if isinstance(error, RuntimeError) and _NO_THREAD in text:
        return _told(errno.EAGAIN, "", None, None)
    return None


def free_bytes(path: pathlib.Path) -> int:
    """Bytes that this user may still write on the disk of a path, which need not be there; 0 if unknown."""
    for folder in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free
    return 0


def megabytes(size: int) -> str:
    """Bytes for people: `53.5 MB`."""
    return f"{size / 1e6:.1f} MB"


def _path_of(error: OSError) -> pathlib.Path | None:
    """The file that an error names. A number is a descriptor of `os.truncate` and its like."""
    name = error.filename2 or error.filename
    return pathlib.Path(os.fsdecode(name)).absolute() if isinstance(name, str | bytes) else None


def place_of(path: pathlib.Path, known: Sequence[Place]) -> Place:
    """The innermost known place that holds the path, else the nearest folder that is there.

    Where a link or a mount leads to another disk, it is what leads there that is full, not the place.
    """
    path = path.absolute()
    folder = next((folder for folder in (path, *path.parents) if _is_folder(folder)), path)
    around = [place for place in known if place.holds(path)]
    if not around:
        return Place(path=folder)
    place = max(around, key=lambda place: len(place.path.parts))
    if _disk_of(folder) in {None, _disk_of(place.path)}:
        return place
    return dataclasses.replace(place, path=folder, setting=f"below {place.setting}" if place.setting else "")


def _is_folder(path: pathlib.Path) -> bool:
    """Whether there is a folder, as far as this user may see."""
    with contextlib.suppress(OSError):
        return path.is_dir()
    return False


def _disk_of(path: pathlib.Path) -> int | None:
    for folder in (path, *path.absolute().parents):
        with contextlib.suppress(OSError):
            return folder.stat().st_dev
    return None


def _fullest(known: Sequence[Place]) -> Place | None:
    return min(known, key=lambda place: free_bytes(place.path), default=None)


def _is_full(place: Place) -> bool:
    return free_bytes(place.path) < _LITTLE or _no_inode(place.path)


def _no_room(
    place: Place | None, number: int, path: pathlib.Path | None, needed: int, before: int | None
) -> DiskError:
    if place is None:
        return DiskError("no space left on the disk", hint="free some", number=number, path=path)
    what = "the quota of" if number == errno.EDQUOT else "the disk that holds"
    free = free_bytes(place.path) if before is None else before
    if needed > free:
        how = f"{megabytes(needed)} are needed, {megabytes(free)} were free"
    elif _no_inode(place.path):
        how = "it takes no further file, whatever its size (`df -i` shows that)"
    else:
        how = f"{megabytes(free)} are free, too few for what was to be written"
    return DiskError(
        f"no space left on {what} {place}: {how}", hint=place.hint, number=number, path=path or place.path
    )


def _no_inode(path: pathlib.Path) -> bool:
    for folder in (path, *path.absolute().parents) if hasattr(os, "statvfs") else ():
        with contextlib.suppress(OSError):
            disk = os.statvfs(folder)
            return disk.f_files > 0 and disk.f_favail == 0
    return False


def _limit(name: str) -> int:
    """What this process may have at most; 0 where nothing is set, or the system knows no such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    found = resource.getrlimit(getattr(resource, name))[0]
    return 0 if found == resource.RLIM_INFINITY else found


def _told(
    number: int, words: str, path: pathlib.Path | None, place: Place | None, verb: str = "written"
) -> DiskError:
    """Every other refusal."""
    verb = "used" if number in _READ else verb
    message, hint = f"{path} cannot be {verb}: {words}" if path else words, ""
    if number in _FILES:
        limit = _limit("RLIMIT_NOFILE")
        message = "too many files are open at once" + (f": {limit} are allowed" if limit else "")
        hint = "raise the limit, such as with `ulimit -n 4096`"
    elif number == errno.EFBIG:
        message = f"{path or 'a file'} would become larger than files may be here"
        limit = _limit("RLIMIT_FSIZE")
        hint = "its disk allows no larger one: choose another"
        if limit:
            message += f": the limit is {megabytes(limit)}"
            hint = "raise the limit, such as with `ulimit -f unlimited`"
    elif number in _MEMORY:
        message = "this machine, or the limit for this process, has no memory left"
        hint = "two gigabytes do for the largest sets; `ulimit -v` and the container's limit may allow more"
    elif words.startswith(_NO_TEMPORARY):
        message = "there is no folder for temporary files that can be written to"
        hint = "set TMPDIR to one, on a disk that is not full"
    elif number in _PROCESSES:
        message = "no further process or thread can be started: their number, or memory, is at its limit"
        hint = "raise what `ulimit -u` and `ulimit -v` show, or the container's limit for processes"
    elif number in _CLOSED and place is not None and place.setting:
        hint = f"set {place.setting} to a folder that this user may write to"
        if place.setting.startswith("-"):
            hint = f"give {place.setting} another place, which this user may write to"
    return DiskError(message, hint=hint, number=number, path=path)
